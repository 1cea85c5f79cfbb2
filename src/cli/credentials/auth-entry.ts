import type { WireAuthConfig } from "../../wire/registry.ts";

/** One value of `auths` in `config.json`. */
export interface AuthEntry {
  /** Base64 of `username:password`. */
  auth?: string;
  username?: string;
  password?: string;
  identitytoken?: string;
  registrytoken?: string;
}

/** The account of an entry; undefined where it holds none. Throws where `auth` cannot be read. Pure. */
export function readEntry(key: string, entry: AuthEntry): WireAuthConfig | undefined {
  const pair = entry.auth === undefined || entry.auth === "" ? entry : splitAuth(key, entry.auth);
  const { identitytoken, registrytoken } = entry;
  const account = filled({
    username: pair.username,
    password: identitytoken === undefined || identitytoken === "" ? pair.password : "",
    serveraddress: key,
    identitytoken,
    registrytoken,
  });
  return Object.keys(account).length > 1 ? account : undefined;
}

/** How an account is written: name and password in `auth`, tokens beside it. Pure. */
export function writeEntry(account: WireAuthConfig): AuthEntry {
  const { username = "", password = "", identitytoken, registrytoken } = account;
  const auth =
    username === "" && password === "" ? undefined : Buffer.from(`${username}:${password}`).toString("base64");
  return filled({ auth, identitytoken, registrytoken });
}

function splitAuth(key: string, auth: string): { username: string; password: string } {
  const text = Buffer.from(auth, "base64").toString();
  const colon = text.indexOf(":");
  if (colon < 0) throw new Error(`invalid auth of ${key} in the configuration: not base64 of user:password`);
  // Some tools padded the pair to a fixed length.
  return { username: text.slice(0, colon), password: text.slice(colon + 1).replace(/\0+$/, "") };
}

/** Without what is undefined or empty. */
function filled<T extends Record<string, string | undefined>>(fields: T): { [K in keyof T]?: string } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined && value !== "")) as {
    [K in keyof T]?: string;
  };
}
