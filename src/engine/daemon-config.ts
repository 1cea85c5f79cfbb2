import { EngineError, invalid } from "../base/errors.ts";
import { parseGcPolicy } from "../builder/solver/gc-policy.ts";
import { createHosts } from "../registry/client/hosts.ts";

/** Everything dockerd's flags and daemon.json can say that this engine acts upon; other keys are accepted and listed in `ignored`. */
export interface DaemonConfig {
  hosts: string[];
  dataRoot: string;
  execRoot: string;
  pidFile: string;
  socketGroup: string;
  debug: boolean;
  logLevel: "debug" | "info" | "warn" | "error";
  bridge: string;
  bip: string;
  fixedCidr: string;
  defaultGateway: string;
  mtu: number;
  interContainerCommunication: boolean;
  publishAddress: string;
  ipForward: boolean;
  dns: string[];
  dnsOptions: string[];
  dnsSearch: string[];
  storageDriver: string;
  cgroupParent: string;
  defaultShmSize: string;
  defaultUlimits: string[];
  init: boolean;
  logDriver: string;
  logOptions: Record<string, string>;
  labels: string[];
  insecureRegistries: string[];
  registryMirrors: string[];
  /** Directories with `<host>/hosts.toml`, `<host>/*.crt`, … */
  certsDirs: string[];
  maxConcurrentDownloads: number;
  maxConcurrentUploads: number;
  maxDownloadAttempts: number;
  /** A connection to a registry that brings next to nothing for so long is given up. */
  registryStallSeconds: number;
  shutdownTimeoutSeconds: number;
  noNewPrivileges: boolean;
  seccompProfile: string;
  /** `builder` of daemon.json, as it stands there: see builder/solver/gc-policy.ts. */
  builder: Record<string, unknown>;
  /** `--tls=false`, said outright: TCP without TLS beyond the loopback addresses. */
  plainTcpAllowed: boolean;
  /** Accepted for the sake of existing scripts, without an effect here. */
  ignored: string[];
}

type Kind = "string" | "bool" | "int" | "list" | "map" | "object";

interface Option {
  /** Long flag of dockerd. */
  flag: string;
  short?: string;
  /** daemon.json key, where it differs from the flag. */
  key?: string;
  kind: Kind;
  /** Undefined: accepted and ignored. An object is in daemon.json only. */
  field?: keyof DaemonConfig;
}

const OPTIONS: Option[] = [
  { flag: "host", short: "H", key: "hosts", kind: "list", field: "hosts" },
  { flag: "data-root", kind: "string", field: "dataRoot" },
  { flag: "graph", short: "g", kind: "string", field: "dataRoot" },
  { flag: "exec-root", kind: "string", field: "execRoot" },
  { flag: "pidfile", short: "p", kind: "string", field: "pidFile" },
  { flag: "group", short: "G", kind: "string", field: "socketGroup" },
  { flag: "debug", short: "D", kind: "bool", field: "debug" },
  { flag: "log-level", short: "l", kind: "string", field: "logLevel" },
  { flag: "bridge", short: "b", kind: "string", field: "bridge" },
  { flag: "bip", kind: "string", field: "bip" },
  { flag: "fixed-cidr", kind: "string", field: "fixedCidr" },
  { flag: "default-gateway", kind: "string", field: "defaultGateway" },
  { flag: "mtu", kind: "int", field: "mtu" },
  { flag: "icc", kind: "bool", field: "interContainerCommunication" },
  { flag: "ip", kind: "string", field: "publishAddress" },
  { flag: "ip-forward", kind: "bool", field: "ipForward" },
  { flag: "dns", kind: "list", field: "dns" },
  { flag: "dns-opt", key: "dns-opts", kind: "list", field: "dnsOptions" },
  { flag: "dns-search", kind: "list", field: "dnsSearch" },
  { flag: "storage-driver", short: "s", kind: "string", field: "storageDriver" },
  { flag: "cgroup-parent", kind: "string", field: "cgroupParent" },
  { flag: "default-shm-size", kind: "string", field: "defaultShmSize" },
  { flag: "default-ulimit", key: "default-ulimits", kind: "list", field: "defaultUlimits" },
  { flag: "init", kind: "bool", field: "init" },
  { flag: "log-driver", kind: "string", field: "logDriver" },
  { flag: "log-opt", key: "log-opts", kind: "map", field: "logOptions" },
  { flag: "label", key: "labels", kind: "list", field: "labels" },
  { flag: "insecure-registry", key: "insecure-registries", kind: "list", field: "insecureRegistries" },
  { flag: "registry-mirror", key: "registry-mirrors", kind: "list", field: "registryMirrors" },
  { flag: "certs-dir", key: "certs-dirs", kind: "list", field: "certsDirs" },
  { flag: "max-concurrent-downloads", kind: "int", field: "maxConcurrentDownloads" },
  { flag: "max-concurrent-uploads", kind: "int", field: "maxConcurrentUploads" },
  { flag: "max-download-attempts", kind: "int", field: "maxDownloadAttempts" },
  { flag: "registry-stall-timeout", kind: "int", field: "registryStallSeconds" },
  { flag: "shutdown-timeout", kind: "int", field: "shutdownTimeoutSeconds" },
  { flag: "no-new-privileges", kind: "bool", field: "noNewPrivileges" },
  { flag: "seccomp-profile", kind: "string", field: "seccompProfile" },
  { flag: "builder", kind: "object", field: "builder" },
  ...(
    [
      "live-restore",
      "iptables",
      "ip6tables",
      "ip-masq",
      "userland-proxy",
      "experimental",
      "ipv6",
      "selinux-enabled",
      "raw-logs",
      "validate",
      "tls",
      "tlsverify",
    ] as const
  ).map((flag): Option => ({ flag, kind: "bool" })),
  ...(["add-runtime", "exec-opt", "storage-opt", "default-address-pool", "feature"] as const).map(
    (flag): Option => ({ flag, key: `${flag}s`, kind: "list" }),
  ),
  ...(
    [
      "containerd",
      "containerd-namespace",
      "default-runtime",
      "init-path",
      "userland-proxy-path",
      "userns-remap",
      "default-cgroupns-mode",
      "default-ipc-mode",
      "log-format",
      "api-cors-header",
      "firewall-backend",
      "tlscacert",
      "tlscert",
      "tlskey",
      "metrics-addr",
      "fixed-cidr-v6",
    ] as const
  ).map((flag): Option => ({ flag, kind: "string" })),
  ...(["network-control-plane-mtu", "oom-score-adjust"] as const).map((flag): Option => ({ flag, kind: "int" })),
];

const DEFAULTS: DaemonConfig = {
  hosts: [],
  dataRoot: "/var/lib/gantry",
  execRoot: "/run/gantry",
  pidFile: "",
  socketGroup: "docker",
  debug: false,
  logLevel: "info",
  bridge: "gantry0",
  bip: "",
  fixedCidr: "",
  defaultGateway: "",
  mtu: 1500,
  interContainerCommunication: true,
  publishAddress: "0.0.0.0",
  ipForward: true,
  dns: [],
  dnsOptions: [],
  dnsSearch: [],
  storageDriver: "",
  cgroupParent: "/gantry",
  defaultShmSize: "64m",
  defaultUlimits: [],
  init: false,
  logDriver: "json-file",
  logOptions: {},
  labels: [],
  insecureRegistries: [],
  registryMirrors: [],
  certsDirs: ["/etc/gantry/certs.d", "/etc/docker/certs.d"],
  maxConcurrentDownloads: 3,
  maxConcurrentUploads: 5,
  maxDownloadAttempts: 5,
  registryStallSeconds: 60,
  shutdownTimeoutSeconds: 15,
  noNewPrivileges: false,
  seccompProfile: "",
  builder: {},
  plainTcpAllowed: false,
  ignored: [],
};

const DEFAULT_CONFIG_FILE = "/etc/gantry/daemon.json";
const BOOLEANS: Record<string, boolean> = { true: true, "1": true, t: true, false: false, "0": false, f: false };

type Values = Map<Option, string[]>;

/** dockerd's own grammar: `--flag value`, `--flag=value`, `-H value`, `-D`. Throws invalid-argument in pflag's words. */
export function parseDaemonFlags(argv: string[]): { values: Values; configFile: string; configFileGiven: boolean } {
  const values: Values = new Map();
  let configFile = DEFAULT_CONFIG_FILE;
  let configFileGiven = false;
  for (let index = 0; index < argv.length; index++) {
    const argument = argv[index] as string;
    const { name, inline } = splitFlag(argument);
    const take = (): string => {
      const value = inline ?? argv[++index];
      if (value === undefined) throw invalid(`flag needs an argument: ${argument}`);
      return value;
    };
    if (name === "config-file") {
      configFile = take();
      configFileGiven = true;
      continue;
    }
    const option = OPTIONS.find(
      ({ flag, short, kind }) => kind !== "object" && (argument.startsWith("--") ? flag === name : short === name),
    );
    if (option === undefined)
      throw invalid(argument.startsWith("--") ? `unknown flag: --${name}` : `unknown shorthand flag: ${argument}`);
    const value = option.kind === "bool" ? (inline ?? "true") : take();
    values.set(option, [...(values.get(option) ?? []), value]);
  }
  return { values, configFile, configFileGiven };
}

function splitFlag(argument: string): { name: string; inline: string | undefined } {
  if (!argument.startsWith("-") || argument === "-" || argument === "--")
    throw invalid(`unexpected argument: ${argument}`);
  if (!argument.startsWith("--"))
    return { name: argument.charAt(1), inline: argument.length > 2 ? argument.slice(2).replace(/^=/, "") : undefined };
  const [name = "", inline] = argument.slice(2).split(/=(.*)/s);
  return { name, inline };
}

/** Flags and the parsed daemon.json put together; a setting in both is an error, as with dockerd. Pure. */
export function resolveDaemonConfig(flags: Values, file: Record<string, unknown>): DaemonConfig {
  const config: DaemonConfig = structuredClone(DEFAULTS);
  const twice: string[] = [];
  for (const [option, texts] of flags) {
    if ((option.key ?? option.flag) in file)
      twice.push(
        `${option.flag}: (from flag: ${texts.join(", ")}, from file: ${String(file[option.key ?? option.flag])})`,
      );
    assign(config, option, option.kind === "list" || option.kind === "map" ? texts : texts.at(-1));
  }
  if (twice.length > 0)
    throw invalid(
      `unable to configure the Docker daemon with file: the following directives are specified both as a flag and in the configuration file: ${twice.join(", ")}`,
    );
  const unknown: string[] = [];
  for (const [key, value] of Object.entries(file)) {
    const option = OPTIONS.find((candidate) => (candidate.key ?? candidate.flag) === key);
    if (option === undefined) unknown.push(key);
    else assign(config, option, value);
  }
  if (unknown.length > 0)
    throw invalid(`the following directives don't match any configuration option: ${unknown.join(", ")}`);
  return finish(config);
}

function finish(config: DaemonConfig): DaemonConfig {
  if (config.debug) config.logLevel = "debug";
  if (!["debug", "info", "warn", "error"].includes(config.logLevel))
    throw invalid(`invalid logging level: ${config.logLevel}`);
  if (config.hosts.length === 0) config.hosts = ["unix:///run/gantry.sock"];
  if (config.pidFile === "") config.pidFile = `${config.execRoot}/gantry.pid`;
  if (config.cgroupParent === "" || config.cgroupParent.includes(".."))
    throw invalid(`invalid cgroup parent: ${config.cgroupParent}`);
  for (const [flag, value] of [
    ["max-concurrent-downloads", config.maxConcurrentDownloads],
    ["max-concurrent-uploads", config.maxConcurrentUploads],
    ["max-download-attempts", config.maxDownloadAttempts],
    ["registry-stall-timeout", config.registryStallSeconds],
  ] as const)
    if (value < 1) throw invalid(`invalid ${flag}: ${value}: it must be at least 1`);
  for (const host of config.hosts)
    if (!/^(unix:\/\/\/|tcp:\/\/|fd:\/\/)/.test(host))
      throw invalid(`invalid bind address (${host}): unsupported proto`);
  // Throws for limits of the build cache that are none.
  parseGcPolicy(config.builder, 0);
  // Throws for mirrors and insecure registries that are none.
  createHosts(config);
  if (!["", "overlay", "overlay2"].includes(config.storageDriver))
    throw new EngineError(
      "not-implemented",
      `storage driver ${config.storageDriver} is not available: this version has overlay2`,
    );
  return config;
}

function assign(config: DaemonConfig, option: Option, value: unknown): void {
  if (option.flag === "tls") config.plainTcpAllowed = convert(option, value) === false;
  if (option.field === undefined) {
    config.ignored.push(option.flag);
    return;
  }
  Object.assign(config, { [option.field]: convert(option, value) });
}

function convert(option: Option, value: unknown): unknown {
  const wrong = () => invalid(`invalid value ${JSON.stringify(value)} for "${option.flag}"`);
  switch (option.kind) {
    case "string":
      if (typeof value !== "string") throw wrong();
      return value;
    case "bool": {
      const flag = typeof value === "boolean" ? value : BOOLEANS[String(value).toLowerCase()];
      if (flag === undefined) throw wrong();
      return flag;
    }
    case "int": {
      const number = Number(value);
      if (!Number.isSafeInteger(number)) throw wrong();
      return number;
    }
    case "list":
      if (!Array.isArray(value)) throw wrong();
      return value.map(String);
    case "map":
      return toMap(value, wrong);
    case "object":
      if (typeof value !== "object" || value === null || Array.isArray(value)) throw wrong();
      return value;
    default:
      return option.kind satisfies never;
  }
}

function toMap(value: unknown, wrong: () => Error): Record<string, string> {
  if (Array.isArray(value))
    return Object.fromEntries(
      value.map((pair) => {
        const [key = "", text] = String(pair).split(/=(.*)/s);
        if (text === undefined) throw wrong();
        return [key, text];
      }),
    );
  if (typeof value !== "object" || value === null) throw wrong();
  return Object.fromEntries(Object.entries(value).map(([key, text]) => [key, String(text)]));
}
