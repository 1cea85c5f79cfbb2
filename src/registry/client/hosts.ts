import { lookup } from "node:dns/promises";
import { readdir, readFile, stat } from "node:fs/promises";
import { isAbsolute, join } from "node:path";
import { EngineError, invalid } from "../../base/errors.ts";
import {
  ALL_CAPABILITIES,
  type Capability,
  type Endpoint,
  type EndpointTls,
  hostnameOf,
  hostOfDomain,
  READ_CAPABILITIES,
} from "./endpoint.ts";
import { type HostEntry, type HostsFile, parseHostsToml } from "./hosts-toml.ts";
import { type InsecureRegistries, parseInsecureRegistries } from "./insecure-registries.ts";

export interface HostsConfig {
  /** URLs of mirrors of Docker Hub. */
  registryMirrors: readonly string[];
  /** Hosts and networks without trusted certificates. */
  insecureRegistries: readonly string[];
  /** Directories with one directory for each registry: `<host>/hosts.toml`, `<host>/*.crt`, `*.cert` with `*.key`. */
  certsDirs: readonly string[];
}

/** Which servers to ask for the images of a domain, in order. Files are read anew each time: changing them needs no restart. */
export interface Hosts {
  /** Never empty. Throws invalid-argument for files that cannot be understood. */
  endpoints(domain: string, capability: Capability): Promise<Endpoint[]>;
}

const MAX_FILE_BYTES = 1 << 20;
/** Files of one registry's directory that are looked at. */
const MAX_FILES = 64;

/** Throws invalid-argument for settings that are none. */
export function createHosts(config: HostsConfig): Hosts {
  const insecure = parseInsecureRegistries(config.insecureRegistries);
  const mirrors = config.registryMirrors.map(parseMirror);
  return {
    async endpoints(domain, capability) {
      const directory = await findDirectory(config.certsDirs, domain);
      const hostsFile = directory === undefined ? undefined : await readHostsFile(directory);
      const found: Endpoint[] = [];
      for (const entry of hostsFile?.hosts ?? []) {
        found.push(await fromEntry(entry, directory as string, isSameHost(entry, domain)));
      }
      if (hostsFile === undefined && domain === "docker.io") {
        for (const base of mirrors) found.push(await mirror(base, config, insecure));
      }
      if (hostsFile?.server !== undefined) {
        found.push(await fromEntry(hostsFile.server, directory as string, true));
      } else {
        found.push(...(await origin(domain, directory, insecure)));
      }
      const able = found.filter(({ capabilities }) => capabilities.has(capability));
      if (able.length === 0) throw invalid(`no server of ${domain} may be used to ${capability}`);
      return able;
    },
  };
}

function parseMirror(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const fail = (why: string) => invalid(`invalid mirror: ${JSON.stringify(text)}: ${why}`);
  if (url === undefined || !/^https?:$/.test(url.protocol)) throw fail("it must be a URL with http or https");
  if (url.search !== "" || url.hash !== "" || url.username !== "") throw fail("no query, fragment or credentials");
  return `${url.origin}${url.pathname.replace(/\/+$/, "")}/v2`;
}

/** The registry itself: TLS, and where nothing secret can be expected of it plain HTTP as the second try. */
async function origin(
  domain: string,
  directory: string | undefined,
  insecure: InsecureRegistries,
): Promise<Endpoint[]> {
  const host = hostOfDomain(domain);
  const isInsecure = await insecure.includes(host, () => addressesOf(host));
  const tls = { ...(await directoryTls(directory)), insecure: isInsecure };
  const common = { isOrigin: true, capabilities: ALL_CAPABILITIES, headers: {}, tls };
  const secure = { ...common, base: `https://${host}/v2` };
  return isInsecure ? [secure, { ...common, base: `http://${host}/v2` }] : [secure];
}

async function mirror(base: string, { certsDirs }: HostsConfig, insecure: InsecureRegistries): Promise<Endpoint> {
  const { host } = new URL(base);
  const isInsecure = await insecure.includes(host, () => addressesOf(host));
  const tls = { ...(await directoryTls(await findDirectory(certsDirs, host))), insecure: isInsecure };
  return { base, isOrigin: false, capabilities: READ_CAPABILITIES, headers: {}, tls };
}

async function fromEntry(entry: HostEntry, directory: string, isOrigin: boolean): Promise<Endpoint> {
  const read = (name: string) => readText(isAbsolute(name) ? name : join(directory, name));
  const { clientFiles } = entry;
  const cert = clientFiles === undefined ? undefined : await read(clientFiles.cert);
  const key = clientFiles?.key === undefined ? cert : await read(clientFiles.key);
  return {
    base: entry.base,
    isOrigin,
    capabilities: entry.capabilities,
    headers: entry.headers,
    tls: {
      ca: await Promise.all(entry.caFiles.map(read)),
      ...(cert === undefined || key === undefined ? {} : { cert, key }),
      insecure: entry.insecure,
    },
  };
}

/** An entry of the file that is the registry itself gets the user's credentials, a mirror does not. */
function isSameHost({ base }: HostEntry, domain: string): boolean {
  return new URL(base).host === hostOfDomain(domain);
}

/** The first of the directories that has one for this registry. */
async function findDirectory(certsDirs: readonly string[], domain: string): Promise<string | undefined> {
  for (const root of certsDirs) {
    for (const name of [domain, hostnameOf(domain)]) {
      const path = join(root, name);
      const found = await stat(path).catch(() => undefined);
      if (found?.isDirectory() === true) return path;
    }
  }
  return undefined;
}

async function readHostsFile(directory: string): Promise<HostsFile | undefined> {
  const path = join(directory, "hosts.toml");
  const found = await stat(path).catch(() => undefined);
  return found === undefined ? undefined : parseHostsToml(await readText(path), path);
}

/** Docker's convention: `*.crt` are roots, `x.cert` with `x.key` is who we are. @see docker docs "Verify repository client" */
async function directoryTls(directory: string | undefined): Promise<Omit<EndpointTls, "insecure">> {
  if (directory === undefined) return { ca: [] };
  const names = (await readdir(directory)).sort();
  if (names.length > MAX_FILES) throw invalid(`${directory}: more than ${MAX_FILES} files`);
  const read = (name: string) => readText(join(directory, name));
  const ca = await Promise.all(names.filter((name) => name.endsWith(".crt")).map(read));
  const certificate = names.find((name) => name.endsWith(".cert"));
  if (certificate === undefined) return { ca };
  const keyName = certificate.replace(/\.cert$/, ".key");
  if (!names.includes(keyName)) {
    throw invalid(`missing key ${keyName} for client certificate ${certificate} in ${directory}`);
  }
  return { ca, cert: await read(certificate), key: await read(keyName) };
}

async function readText(path: string): Promise<string> {
  const { size } = await stat(path).catch((cause: unknown) => {
    throw new EngineError("invalid-argument", `${path} cannot be read`, { cause });
  });
  if (size > MAX_FILE_BYTES) throw invalid(`${path} is larger than ${MAX_FILE_BYTES} bytes`);
  return readFile(path, "utf8");
}

async function addressesOf(host: string): Promise<string[]> {
  const found = await lookup(hostnameOf(host), { all: true }).catch(() => []);
  return found.map(({ address }) => address);
}
