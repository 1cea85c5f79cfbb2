import type { RegistryCredentials } from "../images/distribution.ts";
import { Fields } from "./fields.ts";
import { parseJson } from "./json.ts";
import type { ApiRequest } from "./route.ts";

/** Characters of the header that are looked at; tokens reach a few thousand. */
const MAX_HEADER_CHARACTERS = 256 * 1024;

export const AUTH_HEADER = "x-registry-auth";

/** The account that a request carries for the registry. */
export function accountOf(request: Pick<ApiRequest, "header">): RegistryCredentials | undefined {
  return decodeRegistryAuth(request.header(AUTH_HEADER));
}

/**
 * `X-Registry-Auth`: base64 of JSON, URL alphabet or the standard one, padded or not. undefined where it is missing, empty, `{}` or
 * unreadable: Docker pulls anonymously then. @see spec endpoints.md "X-Registry-Auth"
 */
export function decodeRegistryAuth(header: string | undefined): RegistryCredentials | undefined {
  const value = decodeHeader(header);
  return value === undefined ? undefined : ignoringErrors(() => decodeAuthConfig(value));
}

/** `X-Registry-Config` of a build: credentials by registry, as the client's `config.json` names it. {} where it is unreadable. */
export function decodeRegistryConfig(header: string | undefined): Record<string, RegistryCredentials> {
  const value = decodeHeader(header);
  if (typeof value !== "object" || value === null || Array.isArray(value)) return {};
  const entries: [string, RegistryCredentials][] = [];
  for (const [host, one] of Object.entries(value)) {
    const credentials = ignoringErrors(() => decodeAuthConfig(one));
    if (credentials !== undefined) entries.push([host, { ...credentials, serverAddress: host }]);
  }
  return Object.fromEntries(entries);
}

/** An `AuthConfig`; undefined where it holds nothing. Throws invalid-argument where a field has the wrong type. */
export function decodeAuthConfig(value: unknown): RegistryCredentials | undefined {
  const fields = new Fields(value, "registry.AuthConfig");
  const pair = splitPair(fields.string("auth"));
  const credentials: RegistryCredentials = {
    username: fields.string("username") || pair.username,
    password: fields.string("password") || pair.password,
    serverAddress: fields.string("serveraddress"),
    identityToken: fields.string("identitytoken"),
    registryToken: fields.string("registrytoken"),
  };
  const { username, password, identityToken, registryToken } = credentials;
  return username + password + identityToken + registryToken === "" ? undefined : credentials;
}

function splitPair(auth: string): { username: string; password: string } {
  const text = Buffer.from(auth, "base64").toString();
  const colon = text.indexOf(":");
  if (colon < 1) return { username: "", password: "" };
  return { username: text.slice(0, colon), password: text.slice(colon + 1).replace(/\0+$/, "") };
}

function decodeHeader(header: string | undefined): unknown {
  if (header === undefined || header === "" || header.length > MAX_HEADER_CHARACTERS) return undefined;
  // The decoder takes both alphabets, with and without padding.
  return ignoringErrors(() => parseJson(Buffer.from(header.trim(), "base64").toString()));
}

/** Credentials that cannot be read are none: a pull of a public image must not fail because of them. */
function ignoringErrors<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
