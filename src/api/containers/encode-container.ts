import type { ContainerSpec } from "../../containers/container-spec.ts";
import type { Container, MountPoint } from "../../containers/containers.ts";
import type {
  WireContainerConfig,
  WireContainerInspect,
  WireContainerSummary,
  WireMountPoint,
} from "../../wire/containers.ts";
import { formatTime, unixSeconds } from "../time.ts";
import { atLeast } from "../version.ts";
import { encodeHostConfig } from "./encode-host-config.ts";
import { encodeNetworkSettings, encodeNetworks, encodePortList } from "./encode-network.ts";
import { encodeState, statusText } from "./encode-state.ts";

/** `GET /containers/{id}/json`, as a client of this minor version expects it. */
export function encodeInspect(container: Container, version: number): WireContainerInspect {
  const { spec, sizes } = container;
  return {
    Id: container.id,
    Created: formatTime(container.createdAt),
    Path: container.path,
    Args: container.args,
    State: encodeState(container),
    Image: container.imageId,
    ResolvConfPath: container.resolvConfPath,
    HostnamePath: container.hostnamePath,
    HostsPath: container.hostsPath,
    LogPath: container.logPath,
    Name: `/${spec.name}`,
    RestartCount: container.restartCount,
    Driver: "overlay2",
    Platform: spec.platform?.os ?? "linux",
    MountLabel: "",
    ProcessLabel: "",
    AppArmorProfile: "",
    ExecIDs: container.execIds.length > 0 ? container.execIds : null,
    HostConfig: encodeHostConfig(spec, version),
    GraphDriver: { Name: "overlay2", Data: encodeLayers(container) },
    ...(sizes === undefined ? {} : { SizeRw: sizes.writableBytes, SizeRootFs: sizes.rootBytes }),
    Mounts: container.mounts.map(encodeMountPoint),
    Config: encodeConfig(container, version),
    NetworkSettings: encodeNetworkSettings(container, version),
  };
}

function encodeLayers({ id, snapshotDirs }: Container): Record<string, string> {
  const { lower, upper, work } = snapshotDirs;
  return { ID: id, LowerDir: lower.join(":"), UpperDir: upper, WorkDir: work };
}

function encodeConfig({ spec, environment }: Container, version: number): WireContainerConfig {
  const { process, streams } = spec;
  return {
    Hostname: spec.hostname ?? "",
    Domainname: spec.domainname,
    User: process.user,
    AttachStdin: streams.attachStdin,
    AttachStdout: streams.attachStdout,
    AttachStderr: streams.attachStderr,
    ...(spec.exposedPorts.length > 0 ? { ExposedPorts: asSet(spec.exposedPorts) } : {}),
    Tty: process.tty,
    OpenStdin: streams.openStdin,
    StdinOnce: streams.stdinOnce,
    Env: environment,
    Cmd: process.command,
    ...(spec.healthcheck === undefined ? {} : { Healthcheck: encodeHealthcheck(spec.healthcheck) }),
    Image: spec.image,
    Volumes: spec.anonymousVolumes.length > 0 ? asSet(spec.anonymousVolumes) : null,
    WorkingDir: process.workingDir,
    Entrypoint: process.entrypoint,
    ...(spec.network.disabled ? { NetworkDisabled: true } : {}),
    ...(!atLeast(version, 44) && spec.network.macAddress !== undefined ? { MacAddress: spec.network.macAddress } : {}),
    OnBuild: spec.onBuild.length > 0 ? spec.onBuild : null,
    Labels: spec.labels,
    ...(spec.stopSignal === undefined ? {} : { StopSignal: spec.stopSignal }),
    ...(spec.stopTimeoutSeconds === undefined ? {} : { StopTimeout: spec.stopTimeoutSeconds }),
    ...(spec.shell.length > 0 ? { Shell: spec.shell } : {}),
  };
}

export function encodeHealthcheck(check: NonNullable<ContainerSpec["healthcheck"]>) {
  const numbers = {
    Interval: check.intervalNs,
    Timeout: check.timeoutNs,
    StartPeriod: check.startPeriodNs,
    StartInterval: check.startIntervalNs,
    Retries: check.retries,
  };
  return { Test: check.test, ...Object.fromEntries(Object.entries(numbers).filter(([, value]) => value !== 0)) };
}

export function asSet(keys: string[]): Record<string, Record<string, never>> {
  return Object.fromEntries(keys.map((key) => [key, {}]));
}

function encodeMountPoint(mount: MountPoint): WireMountPoint {
  const { type, name, driver } = mount;
  return {
    Type: type,
    ...(name === "" ? {} : { Name: name }),
    Source: mount.source,
    Destination: mount.destination,
    ...(driver === "" ? {} : { Driver: driver }),
    Mode: mount.mode,
    RW: mount.readWrite,
    Propagation: mount.propagation,
  };
}

/** One item of `GET /containers/json`. */
export function encodeSummary(container: Container, version: number, now: Date): WireContainerSummary {
  const { spec, sizes } = container;
  const { annotations, network } = spec;
  const shownAnnotations =
    atLeast(version, 46) && Object.keys(annotations).length > 0 ? { Annotations: annotations } : {};
  return {
    Id: container.id,
    Names: [`/${spec.name}`],
    Image: spec.image,
    ImageID: container.imageId,
    Command: commandText(container.path, container.args),
    Created: unixSeconds(container.createdAt),
    Ports: encodePortList(container),
    ...(sizes === undefined ? {} : { SizeRw: sizes.writableBytes, SizeRootFs: sizes.rootBytes }),
    Labels: spec.labels,
    State: container.state.status,
    Status: statusText(container, now),
    HostConfig: {
      NetworkMode: network.mode === "default" && atLeast(version, 44) ? "bridge" : network.mode,
      ...shownAnnotations,
    },
    NetworkSettings: { Networks: encodeNetworks(container, version) },
    Mounts: container.mounts.map(encodeMountPoint),
    ...(atLeast(version, 52) ? { Health: encodeHealthSummary(container) } : {}),
  };
}

function encodeHealthSummary({ health }: Container): { Status: string; FailingStreak: number } {
  return { Status: health?.status ?? "none", FailingStreak: health?.failingStreak ?? 0 };
}

/** Words with blanks are quoted, as Docker shows them. */
function commandText(path: string, args: string[]): string {
  const words = args.map((word) => (word.includes(" ") ? `'${word}'` : word));
  return [path, ...words].join(" ");
}
