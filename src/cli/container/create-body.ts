import { parseBytes, parseDuration, parseInteger, parseNanoCpus } from "../../base/go-values.ts";
import type { Parsed } from "../flags/flag-set.ts";
import { endpointsOf, networkModeOf } from "./network-config.ts";
import { extraHostEntry, normaliseCapabilities } from "./normalise.ts";
import {
  isCdiDevice,
  parseDevice,
  parseGpus,
  parseRateDevice,
  parseUlimit,
  parseWeightDevice,
} from "./parse-devices.ts";
import { parseMount } from "./parse-mount.ts";
import { checkMacAddress } from "./parse-network.ts";
import { type PublishedPort, parseExpose, parsePublish } from "./parse-ports.ts";
import { splitVolumes } from "./parse-volumes.ts";
import { toMap } from "./read-env.ts";

/** What create needs beyond the flags: read before, so that this stays pure. */
export interface CreateInputs {
  environment: string[];
  labels: Record<string, string>;
  /** `--security-opt` with profile files replaced by their text. */
  securityOptions: string[];
  /** `--security-opt systempaths=unconfined`: nothing of /proc and /sys is hidden. */
  unconfinedPaths: boolean;
  /** [rows, columns] of our terminal, or [0, 0]. */
  consoleSize: [number, number];
  workingDir: string;
}

/** The body of `POST /containers/create`; only what was asked for is sent, the daemon fills in the rest. */
export type CreateBody = Record<string, unknown> & { HostConfig: Record<string, unknown> };

const integer = (text: string) => parseInteger(text, { bits: 64, signed: true });
const swapBytes = (text: string) => (text === "-1" ? -1 : parseBytes(text));

/** `detached`: run -d, for which nothing is attached. Throws Error in Docker's words. Pure. */
export function createBody(flags: Parsed, inputs: CreateInputs, detached: boolean): CreateBody {
  const [image = "", ...command] = flags.arguments;
  const ports = flags.list("publish").flatMap(parsePublish);
  const volumes = splitVolumes(flags.list("volume"), inputs.workingDir);
  const exposed = [...ports.map((port) => port.port), ...flags.list("expose").flatMap(parseExpose)];
  const body: CreateBody = {
    Image: image,
    Cmd: command.length > 0 ? command : null,
    ...streams(flags, detached),
    Hostname: flags.string("hostname"),
    Domainname: flags.string("domainname"),
    User: flags.string("user"),
    WorkingDir: flags.string("workdir"),
    Env: inputs.environment,
    Labels: inputs.labels,
    HostConfig: hostConfig(flags, inputs, { ports, binds: volumes.binds }),
  };
  if (flags.changed("entrypoint"))
    body["Entrypoint"] = flags.string("entrypoint") === "" ? [""] : [flags.string("entrypoint")];
  if (exposed.length > 0) body["ExposedPorts"] = Object.fromEntries(exposed.map((port) => [port, {}]));
  if (volumes.anonymous.length > 0) body["Volumes"] = Object.fromEntries(volumes.anonymous.map((path) => [path, {}]));
  if (flags.string("stop-signal") !== "") body["StopSignal"] = flags.string("stop-signal");
  if (flags.changed("stop-timeout")) body["StopTimeout"] = integer(flags.string("stop-timeout"));
  if (flags.string("mac-address") !== "") checkMacAddress(flags.string("mac-address"));
  const health = healthcheck(flags);
  if (health !== undefined) body["Healthcheck"] = health;
  const endpoints = endpointsOf(flags);
  if (Object.keys(endpoints).length > 0) body["NetworkingConfig"] = { EndpointsConfig: endpoints };
  return body;
}

/** Which of the three standard streams our side is to be joined to. */
export function streams(flags: Parsed, detached: boolean) {
  const named = flags.list("attach").map((name) => name.toLowerCase());
  const interactive = flags.bool("interactive");
  const any = named.length > 0;
  const attachStdin = !detached && (any ? named.includes("stdin") : interactive);
  return {
    AttachStdin: attachStdin,
    AttachStdout: !detached && (!any || named.includes("stdout")),
    AttachStderr: !detached && (!any || named.includes("stderr")),
    Tty: flags.bool("tty"),
    OpenStdin: interactive,
    StdinOnce: interactive && attachStdin,
  };
}

function hostConfig(flags: Parsed, inputs: CreateInputs, parts: { ports: PublishedPort[]; binds: string[] }) {
  const config: Record<string, unknown> = {
    NetworkMode: networkModeOf(flags),
    RestartPolicy: restartPolicy(flags.string("restart"), flags.bool("rm") && flags.changed("restart")),
    AutoRemove: flags.bool("rm"),
    ConsoleSize: inputs.consoleSize,
    LogConfig: logConfig(flags),
  };
  const put = (name: string, value: unknown) => {
    const absent = value === undefined || value === "" || value === false || value === 0;
    if (!absent && !(Array.isArray(value) && value.length === 0)) config[name] = value;
  };
  put("Binds", parts.binds);
  if (parts.ports.length > 0) config["PortBindings"] = portBindings(parts.ports);
  put("Mounts", flags.list("mount").map(parseMount));
  const tmpfs = flags.list("tmpfs").map((text) => [text.split(":")[0] ?? "", text.split(":").slice(1).join(":")]);
  if (tmpfs.length > 0) config["Tmpfs"] = Object.fromEntries(tmpfs);
  for (const [field, flag] of LISTS) put(field, flags.list(flag));
  for (const [field, flag] of TEXTS) put(field, flags.string(flag));
  for (const [field, flag] of SWITCHES) put(field, flags.bool(flag));
  for (const [field, flag] of NUMBERS) put(field, flags.value(flag, integer, 0));
  putResources(flags, put);
  put("SecurityOpt", inputs.securityOptions);
  put("CapAdd", normaliseCapabilities(flags.list("cap-add")));
  put("CapDrop", normaliseCapabilities(flags.list("cap-drop")));
  put("ExtraHosts", flags.list("add-host").map(extraHostEntry));
  if (inputs.unconfinedPaths) Object.assign(config, { MaskedPaths: [], ReadonlyPaths: [] });
  checkModes(flags);
  if (flags.changed("init")) config["Init"] = flags.bool("init");
  if (flags.list("sysctl").length > 0) config["Sysctls"] = toMap(flags.list("sysctl"));
  if (flags.list("annotation").length > 0) config["Annotations"] = toMap(flags.list("annotation"));
  if (flags.list("storage-opt").length > 0) config["StorageOpt"] = storageOptions(flags.list("storage-opt"));
  return config;
}

const LISTS: [field: string, flag: string][] = [
  ["Dns", "dns"],
  ["DnsOptions", "dns-option"],
  ["DnsSearch", "dns-search"],
  ["GroupAdd", "group-add"],
  ["VolumesFrom", "volumes-from"],
  ["Links", "link"],
  ["DeviceCgroupRules", "device-cgroup-rule"],
];
const TEXTS: [field: string, flag: string][] = [
  ["VolumeDriver", "volume-driver"],
  ["ContainerIDFile", "cidfile"],
  ["CgroupnsMode", "cgroupns"],
  ["IpcMode", "ipc"],
  ["PidMode", "pid"],
  ["UTSMode", "uts"],
  ["UsernsMode", "userns"],
  ["Isolation", "isolation"],
  ["CgroupParent", "cgroup-parent"],
  ["CpusetCpus", "cpuset-cpus"],
  ["CpusetMems", "cpuset-mems"],
  ["Runtime", "runtime"],
];
const SWITCHES: [field: string, flag: string][] = [
  ["Privileged", "privileged"],
  ["PublishAllPorts", "publish-all"],
  ["ReadonlyRootfs", "read-only"],
  ["OomKillDisable", "oom-kill-disable"],
];
const NUMBERS: [field: string, flag: string][] = [
  ["OomScoreAdj", "oom-score-adj"],
  ["CpuShares", "cpu-shares"],
  ["CpuPeriod", "cpu-period"],
  ["CpuQuota", "cpu-quota"],
  ["CpuRealtimePeriod", "cpu-rt-period"],
  ["CpuRealtimeRuntime", "cpu-rt-runtime"],
  ["CpuCount", "cpu-count"],
  ["CpuPercent", "cpu-percent"],
  ["PidsLimit", "pids-limit"],
  ["BlkioWeight", "blkio-weight"],
  ["IOMaximumIOps", "io-maxiops"],
];

function putResources(flags: Parsed, put: (name: string, value: unknown) => void): void {
  put("Memory", flags.value("memory", parseBytes, 0));
  put("MemoryReservation", flags.value("memory-reservation", parseBytes, 0));
  put("MemorySwap", flags.value("memory-swap", swapBytes, 0));
  put("ShmSize", flags.value("shm-size", parseBytes, 0));
  put("IOMaximumBandwidth", flags.value("io-maxbandwidth", parseBytes, 0));
  put("NanoCpus", flags.value("cpus", parseNanoCpus, 0));
  const swappiness = flags.value("memory-swappiness", integer, -1);
  if (swappiness !== -1 && (swappiness < 0 || swappiness > 100)) {
    throw new Error(`invalid value: ${swappiness}. Valid memory swappiness range is 0-100`);
  }
  if (flags.changed("memory-swappiness")) put("MemorySwappiness", swappiness === 0 ? { toJSON: () => 0 } : swappiness);
  put(
    "Ulimits",
    flags
      .list("ulimit")
      .map(parseUlimit)
      .toSorted((a, b) => (a.Name < b.Name ? -1 : 1)),
  );
  const devices = flags.list("device");
  put("Devices", devices.filter((text) => !isCdiDevice(text)).map(parseDevice));
  const cdi = devices.filter(isCdiDevice);
  const requests: unknown[] = flags.list("gpus").map(parseGpus);
  if (cdi.length > 0) requests.push({ Driver: "cdi", DeviceIDs: cdi });
  put("DeviceRequests", requests);
  put("BlkioWeightDevice", flags.list("blkio-weight-device").map(parseWeightDevice));
  put(
    "BlkioDeviceReadBps",
    flags.list("device-read-bps").map((text) => parseRateDevice(text, "bytes")),
  );
  put(
    "BlkioDeviceWriteBps",
    flags.list("device-write-bps").map((text) => parseRateDevice(text, "bytes")),
  );
  put(
    "BlkioDeviceReadIOps",
    flags.list("device-read-iops").map((text) => parseRateDevice(text, "operations")),
  );
  put(
    "BlkioDeviceWriteIOps",
    flags.list("device-write-iops").map((text) => parseRateDevice(text, "operations")),
  );
}

function portBindings(ports: readonly PublishedPort[]): Record<string, { HostIp: string; HostPort: string }[]> {
  const bindings: Record<string, { HostIp: string; HostPort: string }[]> = {};
  for (const port of ports) (bindings[port.port] ??= []).push({ HostIp: port.hostIp, HostPort: port.hostPort });
  return bindings;
}

function restartPolicy(text: string, conflicting: boolean): { Name: string; MaximumRetryCount: number } {
  const [name = "", count, ...more] = text.split(":");
  if (text !== "" && name === "") throw new Error("invalid restart policy format: no policy provided before colon");
  if (more.length > 0) throw new Error("invalid restart policy format: maximum retry count must be an integer");
  if (count !== undefined && !/^-?\d+$/.test(count)) {
    throw new Error("invalid restart policy format: maximum retry count must be an integer");
  }
  if (conflicting && name !== "no" && name !== "") {
    throw new Error("conflicting options: cannot specify both --restart and --rm");
  }
  return { Name: name === "" ? "no" : name, MaximumRetryCount: Number(count ?? 0) };
}

function logConfig(flags: Parsed): { Type: string; Config: Record<string, string> } {
  const [driver, options] = [flags.string("log-driver"), flags.list("log-opt")];
  if (driver === "none" && options.length > 0) throw new Error("invalid logging opts for driver none");
  return { Type: driver, Config: toMap(options) };
}

function storageOptions(options: readonly string[]): Record<string, string> {
  for (const option of options) if (!option.includes("=")) throw new Error("invalid storage option");
  return toMap(options);
}

/** The values these flags can have at all; whether they make sense together is the daemon's to say. */
function checkModes(flags: Parsed): void {
  const container = /^container:./;
  const [pid, uts, user, cgroup] = ["pid", "uts", "userns", "cgroupns"].map((name) => flags.string(name));
  if (pid !== "" && pid !== "host" && !container.test(pid ?? "")) throw new Error("--pid: invalid PID mode");
  if (uts !== "" && uts !== "host") throw new Error("--uts: invalid UTS mode");
  if (user !== "" && user !== "host") throw new Error("--userns: invalid USER mode");
  if (cgroup !== "" && cgroup !== "host" && cgroup !== "private") throw new Error("--cgroupns: invalid CGROUP mode");
}

function healthcheck(flags: Parsed): Record<string, unknown> | undefined {
  const names = [
    "health-cmd",
    "health-interval",
    "health-timeout",
    "health-retries",
    "health-start-period",
    "health-start-interval",
  ];
  const given = names.some((name) => flags.changed(name));
  if (flags.bool("no-healthcheck")) {
    if (given) throw new Error("--no-healthcheck conflicts with --health-* options");
    return { Test: ["NONE"] };
  }
  if (!given) return undefined;
  const duration = (name: string) => {
    const value = flags.value(name, parseDuration, 0);
    if (value < 0) throw new Error(`--${name} cannot be negative`);
    return value;
  };
  const retries = flags.value("health-retries", integer, 0);
  if (retries < 0) throw new Error("--health-retries cannot be negative");
  return {
    Test: flags.string("health-cmd") === "" ? [] : ["CMD-SHELL", flags.string("health-cmd")],
    Interval: duration("health-interval"),
    Timeout: duration("health-timeout"),
    StartPeriod: duration("health-start-period"),
    StartInterval: duration("health-start-interval"),
    Retries: retries,
  };
}
