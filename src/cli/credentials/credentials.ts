import { messageOf } from "../../base/errors.ts";
import type { WireAuthConfig } from "../../wire/registry.ts";
import type { CliContext } from "../command.ts";
import type { ConfigFile } from "../config-file.ts";
import { type AuthEntry, readEntry, writeEntry } from "./auth-entry.ts";
import { updateConfigFile } from "./config-writer.ts";
import { type CredentialHelper, credentialHelper } from "./credential-helper.ts";
import { hostOf } from "./registry-key.ts";

/** JSON with `auths` alone, in place of a file: for a job that must not leave its account behind (docker 28). */
export const ENVIRONMENT_VARIABLE = "DOCKER_AUTH_CONFIG";

/** The accounts of a user: those of the environment first, then a helper's where one is configured, else those of `config.json`. */
export interface Credentials {
  /** As it was when it was first asked for. */
  get(key: string): Promise<WireAuthConfig | undefined>;
  /** Returns true where a password now stands unencrypted in the file that did not stand there before. */
  store(account: WireAuthConfig): Promise<boolean>;
  erase(key: string): Promise<void>;
  /** Every account, by key, as a build is given them. Accounts that cannot be read are left out. */
  all(): Promise<Record<string, WireAuthConfig>>;
}

type Needs = Pick<CliContext, "config" | "configDir" | "environment" | "runProgram" | "io">;

export async function openCredentials(context: Needs): Promise<Credentials> {
  const config = await context.config();
  const fromEnvironment = await environmentEntries(context);
  const helperFor = (key: string): CredentialHelper | undefined => {
    const name = config.credHelpers?.[key] ?? config.credsStore ?? "";
    return name === "" ? undefined : credentialHelper(context, name);
  };
  const find = async (key: string): Promise<WireAuthConfig | undefined> =>
    findEntry(fromEnvironment, key) ?? (await helperFor(key)?.get(key)) ?? fileAccount(config, helperFor(key), key);
  // A helper is a program, which may ask the user: once for each registry.
  const found = new Map<string, Promise<WireAuthConfig | undefined>>();
  const get = (key: string) => {
    const known = found.get(key) ?? find(key);
    found.set(key, known);
    return known;
  };
  return {
    get,
    async store(account) {
      const key = account.serveraddress ?? "";
      const helper = helperFor(key);
      await helper?.store(account);
      const entry = helper === undefined ? writeEntry(account) : {};
      const changed = await updateConfigFile(context.configDir, (file) => {
        file.auths = { ...file.auths, [key]: entry };
      });
      return changed && helper === undefined && (account.password ?? "") !== "";
    },
    async erase(key) {
      await helperFor(key)?.erase(key);
      await updateConfigFile(context.configDir, (file) => {
        if (file.auths !== undefined) delete file.auths[key];
      });
    },
    async all() {
      const keys = new Set([
        ...Object.keys(fromEnvironment),
        ...Object.keys(config.auths ?? {}),
        ...Object.keys(config.credHelpers ?? {}),
        ...((await listed(context, config)) ?? []),
      ]);
      const accounts = await Promise.all([...keys].map(async (key) => [key, await get(key).catch(() => undefined)]));
      return Object.fromEntries(accounts.filter(([, account]) => account !== undefined)) as Record<
        string,
        WireAuthConfig
      >;
    },
  };
}

/** What is in the file counts only where no helper is set: it may be older than what the helper has. */
function fileAccount(config: ConfigFile, helper: CredentialHelper | undefined, key: string) {
  return helper === undefined ? findEntry(config.auths ?? {}, key) : undefined;
}

/** By the key, else by any address of the same host: `https://host:5000/v2/` serves `host:5000`. */
function findEntry(entries: Record<string, AuthEntry>, key: string): WireAuthConfig | undefined {
  const exact = entries[key];
  if (exact !== undefined) return readEntry(key, exact);
  const [, similar] = Object.entries(entries).find(([address]) => hostOf(address) === key) ?? [];
  return similar === undefined ? undefined : readEntry(key, similar);
}

async function listed(context: Needs, { credsStore = "" }: ConfigFile): Promise<string[] | undefined> {
  return credsStore === "" ? undefined : credentialHelper(context, credsStore).list();
}

async function environmentEntries({ environment, io }: Needs): Promise<Record<string, AuthEntry>> {
  const text = environment[ENVIRONMENT_VARIABLE] ?? "";
  if (text === "") return {};
  try {
    const { auths } = JSON.parse(text) as { auths?: unknown };
    if (typeof auths === "object" && auths !== null) return auths as Record<string, AuthEntry>;
    throw new Error("it has no object auths");
  } catch (error) {
    await io.err(`WARNING: ${ENVIRONMENT_VARIABLE} is not used: ${messageOf(error)}\n`);
    return {};
  }
}
