import { messageOf } from "../../base/errors.ts";
import { ClientError } from "../../client/errors.ts";
import type { Answer, CallOptions } from "../../client/transport.ts";
import type { WireAuthConfig } from "../../wire/registry.ts";
import type { CliContext } from "../command.ts";
import { describeFailure } from "../failure.ts";
import { ReportedError } from "../reported-error.ts";
import { registryOf } from "./registry-key.ts";

export interface RegistryCall extends Omit<CallOptions, "headers"> {
  method: string;
  path: string;
  /** Of the account that goes along. */
  key: string;
}

/** One call that has the daemon talk to a registry, with the user's account there. Throws ReportedError. */
export async function callForRegistry(context: CliContext, request: RegistryCall): Promise<Answer> {
  const { method, path, key, ...options } = request;
  const headers = await registryHeaders(context, key);
  const transport = await context.connect();
  try {
    return await transport.call(method, path, { ...options, headers });
  } catch (error) {
    if (!(error instanceof ClientError)) throw error;
    throw new ReportedError(describeFailure(error).message, registryOf(key), { cause: error });
  }
}

/**
 * The header that carries the account; without an account an empty one, as Docker sends. Accounts that cannot be read are told on
 * standard error, and the request goes on without: the image may be for everyone.
 */
async function registryHeaders(context: CliContext, key: string): Promise<Record<string, string>> {
  let account: WireAuthConfig = {};
  try {
    account = (await (await context.credentials()).get(key)) ?? {};
  } catch (error) {
    await context.io.err(`WARNING: the account for ${key} cannot be read, going on without: ${messageOf(error)}\n`);
  }
  return { "X-Registry-Auth": encodeHeader(account) };
}

/** Go's URL alphabet, padded: older daemons take nothing else. */
export function encodeHeader(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString("base64").replaceAll("+", "-").replaceAll("/", "_");
}
