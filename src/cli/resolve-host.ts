import { DEFAULT_HOST, type Host, type HostTls, parseHost } from "../client/host.ts";
import type { ConfigFile } from "./config-file.ts";
import type { Parsed } from "./flags/flag-set.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** -H, then --context, then GANTRY_HOST, DOCKER_HOST, DOCKER_CONTEXT, the current context, then our own socket. */
export async function resolveHost(
  global: Parsed,
  environment: Environment,
  source: { configDir: string; config: () => Promise<ConfigFile> },
): Promise<Host> {
  const flag = global.list("host").at(-1) ?? "";
  if (flag !== "" && global.string("context") !== "") {
    throw new Error("conflicting options: either specify --host or --context, not both");
  }
  const url =
    flag !== ""
      ? flag
      : global.string("context") !== ""
        ? ""
        : environment["GANTRY_HOST"] || environment["DOCKER_HOST"] || "";
  if (url !== "") return parse(url, await tlsFromFlags(global, environment, source.configDir));
  const context =
    global.string("context") || environment["DOCKER_CONTEXT"] || (await source.config()).currentContext || "default";
  if (context === "default") return parseHost(DEFAULT_HOST);
  return hostOfContext(context, source.configDir);
}

function parse(url: string, tls: HostTls | undefined): Host {
  try {
    return parseHost(url, url.startsWith("unix:") ? undefined : tls);
  } catch (error) {
    throw new Error(`Failed to initialize: unable to resolve docker endpoint: ${(error as Error).message}`);
  }
}

async function tlsFromFlags(global: Parsed, environment: Environment, configDir: string): Promise<HostTls | undefined> {
  const verify = global.changed("tlsverify")
    ? global.bool("tlsverify")
    : (environment["DOCKER_TLS_VERIFY"] ?? "") !== "";
  if (!verify && !global.bool("tls")) return undefined;
  const dir = environment["DOCKER_CERT_PATH"] || configDir;
  return {
    ...(await pemFiles((name) => global.string(`tls${name}`) || `${dir}/${name === "cacert" ? "ca" : name}.pem`)),
    verify,
  };
}

async function pemFiles(pathOf: (name: "cacert" | "cert" | "key") => string): Promise<Omit<HostTls, "verify">> {
  const read = async (name: "cacert" | "cert" | "key") => {
    const file = Bun.file(pathOf(name));
    return (await file.exists()) ? file.text() : undefined;
  };
  const [ca, cert, key] = await Promise.all([read("cacert"), read("cert"), read("key")]);
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
  };
}

/** The endpoint that `docker context create` stored under the SHA-256 of the context's name. */
async function hostOfContext(name: string, configDir: string): Promise<Host> {
  const key = new Bun.CryptoHasher("sha256").update(name).digest("hex");
  const file = Bun.file(`${configDir}/contexts/meta/${key}/meta.json`);
  if (!(await file.exists()))
    throw new Error(
      `Failed to initialize: unable to resolve docker endpoint: context "${name}": context not found: open ${configDir}/contexts/meta/${key}/meta.json: no such file or directory`,
    );
  const meta = (await file.json()) as { Endpoints?: { docker?: { Host?: string; SkipTLSVerify?: boolean } } };
  const endpoint = meta.Endpoints?.docker;
  if (endpoint?.Host === undefined || endpoint.Host === "") return parseHost(DEFAULT_HOST);
  const pem = await pemFiles(
    (part) => `${configDir}/contexts/tls/${key}/docker/${part === "cacert" ? "ca" : part}.pem`,
  );
  const tls = Object.keys(pem).length === 0 ? undefined : { ...pem, verify: endpoint.SkipTLSVerify !== true };
  return parse(endpoint.Host, tls);
}
