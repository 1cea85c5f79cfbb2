import { invalid } from "../../base/errors.ts";
import type { ContainerSpec, HealthcheckSpec, RestartPolicy } from "../../containers/container-spec.ts";
import { Fields } from "../fields.ts";
import { decodeEndpoints } from "./decode-endpoints.ts";
import { decodeBinds, decodeMounts } from "./decode-mounts.ts";
import { decodeExposedPorts, decodePortBindings } from "./decode-ports.ts";
import { decodeResources, decodeSecurity } from "./decode-resources.ts";

/** Fields of HostConfig that mean nothing to this engine; inspect shows them as they came. */
const PASSED_THROUGH = [
  "Links",
  "Isolation",
  "ContainerIDFile",
  "Cgroup",
  "CpuCount",
  "CpuPercent",
  "IOMaximumIOps",
  "IOMaximumBandwidth",
  "KernelMemoryTCP",
];

export interface CreateQuery {
  name: string;
  platform: string;
}

/** The body of `POST /containers/create` as the domain's spec. Throws invalid-argument with Docker's texts. Pure. */
export function decodeContainerSpec(body: unknown, query: CreateQuery): ContainerSpec {
  if (body === undefined) throw invalid("config cannot be empty in order to create a container");
  const config = new Fields(body, "ContainerConfig");
  const host = config.object("HostConfig", "HostConfig");
  const stopTimeoutSeconds = config.optionalInt("StopTimeout");
  const healthcheck = decodeHealthcheck(config);
  const shmSizeBytes = host.int("ShmSize");
  const init = host.optionalBool("Init");
  refuseUnsupported(host);
  return {
    name: query.name,
    image: config.string("Image"),
    ...decodePlatform(query.platform),
    process: decodeProcess(config),
    ...optionalText("hostname", config.string("Hostname")),
    domainname: config.string("Domainname"),
    labels: config.stringMap("Labels"),
    annotations: host.stringMap("Annotations"),
    exposedPorts: decodeExposedPorts(config.keys("ExposedPorts")),
    anonymousVolumes: config.keys("Volumes"),
    mounts: [...decodeBinds(host.strings("Binds"), host.string("VolumeDriver")), ...decodeMounts(host.list("Mounts"))],
    tmpfs: host.stringMap("Tmpfs"),
    streams: decodeStreams(config),
    ...optionalText("stopSignal", config.string("StopSignal")),
    ...(stopTimeoutSeconds === undefined ? {} : { stopTimeoutSeconds }),
    autoRemove: host.bool("AutoRemove"),
    restart: decodeRestart(host.object("RestartPolicy", "RestartPolicy")),
    network: decodeNetwork(config, host),
    namespaces: decodeNamespaces(host),
    security: decodeSecurity(host),
    resources: decodeResources(host),
    log: decodeLog(host.object("LogConfig", "LogConfig")),
    ...(shmSizeBytes === 0 ? {} : { shmSizeBytes }),
    consoleSize: decodeConsoleSize(host.list("ConsoleSize")),
    sysctls: host.stringMap("Sysctls"),
    ...(init === undefined ? {} : { init }),
    runtime: host.string("Runtime"),
    cgroupParent: host.string("CgroupParent"),
    volumesFrom: host.strings("VolumesFrom"),
    volumeDriver: host.string("VolumeDriver"),
    ...(healthcheck === undefined ? {} : { healthcheck }),
    onBuild: config.strings("OnBuild"),
    shell: config.strings("Shell"),
    storageOptions: host.stringMap("StorageOpt"),
    oomScoreAdj: host.int("OomScoreAdj"),
    passthrough: Object.fromEntries(
      PASSED_THROUGH.filter((name) => host.has(name)).map((name) => [name, host.raw(name)]),
    ),
  };
}

function optionalText<K extends string>(key: K, text: string): { [P in K]?: string } {
  return (text === "" ? {} : { [key]: text }) as { [P in K]?: string };
}

function decodeProcess(config: Fields): ContainerSpec["process"] {
  return {
    entrypoint: config.optionalStrings("Entrypoint") ?? null,
    command: config.optionalStrings("Cmd") ?? null,
    environment: config.strings("Env"),
    workingDir: config.string("WorkingDir"),
    user: config.string("User"),
    tty: config.bool("Tty"),
  };
}

function decodeStreams(config: Fields): ContainerSpec["streams"] {
  return {
    attachStdin: config.bool("AttachStdin"),
    attachStdout: config.bool("AttachStdout"),
    attachStderr: config.bool("AttachStderr"),
    openStdin: config.bool("OpenStdin"),
    stdinOnce: config.bool("StdinOnce"),
  };
}

/** `linux/amd64[/variant]`. */
function decodePlatform(text: string): Pick<ContainerSpec, "platform"> {
  if (text === "") return {};
  const match = /^([a-z0-9_]+)\/([a-zA-Z0-9_]+)(?:\/([a-zA-Z0-9_.]+))?$/.exec(text);
  if (match === null) {
    if (/^[a-z0-9_]+$/.test(text)) return { platform: { os: text, architecture: "" } };
    throw invalid(`"${text.slice(0, 64)}" is an invalid platform: must be of the form os/architecture[/variant]`);
  }
  const [, os = "", architecture = "", variant] = match;
  return { platform: { os, architecture, ...(variant === undefined ? {} : { variant }) } };
}

const RESTART_NAMES = new Set(["no", "always", "unless-stopped", "on-failure"]);

export function decodeRestart(policy: Fields): RestartPolicy {
  const name = policy.string("Name") || "no";
  if (!RESTART_NAMES.has(name)) {
    throw invalid(
      `invalid restart policy: unknown policy '${name}'; use one of 'no', 'always', 'on-failure', or 'unless-stopped'`,
    );
  }
  return { name: name as RestartPolicy["name"], maximumRetryCount: policy.int("MaximumRetryCount") };
}

function decodeNetwork(config: Fields, host: Fields): ContainerSpec["network"] {
  return {
    mode: host.string("NetworkMode") || "default",
    portBindings: decodePortBindings(host.entries("PortBindings")),
    publishAll: host.bool("PublishAllPorts"),
    dns: host.strings("Dns"),
    dnsOptions: host.strings("DnsOptions"),
    dnsSearch: host.strings("DnsSearch"),
    extraHosts: host.strings("ExtraHosts"),
    ...optionalText("macAddress", config.string("MacAddress")),
    endpoints: decodeEndpoints(config.object("NetworkingConfig", "NetworkingConfig").entries("EndpointsConfig")),
    disabled: config.bool("NetworkDisabled"),
  };
}

function decodeNamespaces(host: Fields): ContainerSpec["namespaces"] {
  return {
    pid: host.string("PidMode"),
    ipc: host.string("IpcMode"),
    uts: host.string("UTSMode"),
    user: host.string("UsernsMode"),
    cgroup: host.string("CgroupnsMode"),
  };
}

function decodeLog(log: Fields): ContainerSpec["log"] {
  return { driver: log.string("Type"), options: log.stringMap("Config") };
}

export function decodeConsoleSize(list: unknown[]): [number, number] {
  const [rows = 0, columns = 0] = list;
  const valid = (value: unknown): value is number =>
    Number.isInteger(value) && Number(value) >= 0 && Number(value) <= 65_535;
  if (!valid(rows) || !valid(columns)) throw invalid("invalid ConsoleSize");
  return [rows, columns];
}

function decodeHealthcheck(config: Fields): HealthcheckSpec | undefined {
  if (!config.has("Healthcheck")) return undefined;
  const check = config.object("Healthcheck", "HealthConfig");
  const duration = (name: string) => {
    const ns = check.int(name);
    if (ns !== 0 && ns < 1_000_000) throw invalid(`${name} in Healthcheck cannot be less than 1ms`);
    return ns;
  };
  const retries = check.int("Retries");
  if (retries < 0) throw invalid("Retries in Healthcheck cannot be negative");
  return {
    test: check.strings("Test"),
    intervalNs: duration("Interval"),
    timeoutNs: duration("Timeout"),
    startPeriodNs: duration("StartPeriod"),
    startIntervalNs: duration("StartInterval"),
    retries,
  };
}

/** What would silently not be there is refused. */
function refuseUnsupported(host: Fields): void {
  for (const item of host.list("DeviceRequests")) {
    const request = new Fields(item, "DeviceRequest");
    const capabilities = JSON.stringify(request.list("Capabilities")).replaceAll('"', "").replaceAll(",", " ");
    throw invalid(`could not select device driver "${request.string("Driver")}" with capabilities: ${capabilities}`);
  }
}
