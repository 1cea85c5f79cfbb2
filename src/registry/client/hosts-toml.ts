import { invalid, messageOf } from "../../base/errors.ts";
import { isObject, type JsonObject } from "../../formats/oci/json.ts";
import { ALL_CAPABILITIES, type Capability } from "./endpoint.ts";

/** One server of a `hosts.toml`; names of files as they stand there. */
export interface HostEntry {
  /** `https://mirror.example:5000/v2`. */
  base: string;
  capabilities: ReadonlySet<Capability>;
  caFiles: string[];
  clientFiles?: { cert: string; key?: string };
  insecure: boolean;
  headers: Record<string, string>;
}

export interface HostsFile {
  /** In the order of the file: mirrors, to be asked before the server. */
  hosts: HostEntry[];
  /** The registry itself, where the file says another one than the name of its directory. */
  server?: HostEntry;
}

/** Reads containerd's format. Throws invalid-argument, naming `path`. Pure. @see containerd docs/hosts.md */
export function parseHostsToml(text: string, path: string): HostsFile {
  let document: unknown;
  try {
    document = Bun.TOML.parse(text);
  } catch (error) {
    throw invalid(`${path}: ${messageOf(error)}`);
  }
  if (!isObject(document)) throw invalid(`${path}: not a table`);
  const tables = document.host ?? {};
  if (!isObject(tables)) throw invalid(`${path}: host is not a table`);
  const hosts = Object.entries(tables).map(([url, table]) => {
    if (!isObject(table)) throw invalid(`${path}: host ${JSON.stringify(url)} is not a table`);
    return parseEntry(url, table, path);
  });
  const { server } = document;
  if (server === undefined) return { hosts };
  if (typeof server !== "string") throw invalid(`${path}: server is not a string`);
  return { hosts, server: parseEntry(server, document, path) };
}

function parseEntry(url: string, table: JsonObject, path: string): HostEntry {
  const fail = (what: string) => invalid(`${path}: ${JSON.stringify(url)}: ${what}`);
  const clientFiles = parseClient(table.client, fail);
  return {
    base: baseOf(url, table.override_path === true, fail),
    capabilities: parseCapabilities(table.capabilities, fail),
    caFiles: strings(table.ca, "ca", fail),
    ...(clientFiles === undefined ? {} : { clientFiles }),
    insecure: table.skip_verify === true,
    headers: parseHeaders(table.header, fail),
  };
}

type Fail = (what: string) => Error;

/** `override_path`: the path of the URL is the whole root of the API; else `/v2` follows it. */
function baseOf(url: string, overridePath: boolean, fail: Fail): string {
  let parsed: URL;
  try {
    parsed = new URL(/^https?:\/\//.test(url) ? url : `https://${url}`);
  } catch {
    throw fail("is no URL");
  }
  if (parsed.search !== "" || parsed.hash !== "") throw fail("must have no query or fragment");
  if (parsed.username !== "" || parsed.password !== "") throw fail("must hold no credentials: use a header");
  const directory = parsed.pathname.replace(/\/+$/, "");
  return `${parsed.origin}${overridePath || directory.endsWith("/v2") ? directory : `${directory}/v2`}`;
}

function parseCapabilities(value: unknown, fail: Fail): ReadonlySet<Capability> {
  if (value === undefined) return ALL_CAPABILITIES;
  const names = strings(value, "capabilities", fail);
  const unknown = names.find((name) => !ALL_CAPABILITIES.has(name as Capability));
  if (unknown !== undefined) throw fail(`unknown capability ${JSON.stringify(unknown)}`);
  return new Set(names as Capability[]);
}

/** A file with both, or pairs of certificate and key; of several pairs the first is used. */
function parseClient(value: unknown, fail: Fail): { cert: string; key?: string } | undefined {
  if (value === undefined) return undefined;
  const pair = Array.isArray(value) && Array.isArray(value[0]) ? value[0] : value;
  const [cert, key] = strings(pair, "client", fail);
  if (cert === undefined) return undefined;
  return { cert, ...(key === undefined || key === "" ? {} : { key }) };
}

function parseHeaders(value: unknown, fail: Fail): Record<string, string> {
  if (value === undefined) return {};
  if (!isObject(value)) throw fail("header is not a table");
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, strings(one, name, fail).join(", ")]));
}

function strings(value: unknown, name: string, fail: Fail): string[] {
  if (value === undefined) return [];
  const list = Array.isArray(value) ? value : [value];
  if (!list.every((one) => typeof one === "string")) throw fail(`${name} must be a string or a list of strings`);
  return list;
}
