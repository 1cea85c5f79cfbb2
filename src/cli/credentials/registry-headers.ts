import { messageOf } from "../../base/errors.ts";
import type { WireAuthConfig } from "../../wire/registry.ts";
import type { CliContext } from "../command.ts";
import { openCredentials } from "./credentials.ts";

/**
 * The header that carries the account for `key`; without an account an empty one, as Docker sends. Accounts that cannot be read
 * are told on standard error, and the request goes on without: the image may be for everyone.
 */
export async function registryHeaders(context: CliContext, key: string): Promise<Record<string, string>> {
  let account: WireAuthConfig = {};
  try {
    account = (await (await openCredentials(context)).get(key)) ?? {};
  } catch (error) {
    await context.io.err(`WARNING: the account for ${key} cannot be read, going on without: ${messageOf(error)}\n`);
  }
  return { "X-Registry-Auth": encodeHeader(account) };
}

/** Go's URL alphabet, padded: older daemons take nothing else. */
export function encodeHeader(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString("base64").replaceAll("+", "-").replaceAll("/", "_");
}
