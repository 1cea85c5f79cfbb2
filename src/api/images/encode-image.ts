import type { HistoryEntry, Image } from "../../images/images.ts";
import type { ImageUsage } from "../../images/usage.ts";
import type { WireHistoryEntry, WireImageConfig, WireImageInspect, WireImageSummary } from "../../wire/images.ts";
import { asSet, encodeHealthcheck } from "../containers/encode-container.ts";
import { formatTime, unixSeconds } from "../time.ts";
import { atLeast } from "../version.ts";

/** One item of `GET /images/json`. Untagged images are `<none>:<none>` for clients before 1.43. */
export function encodeImageSummary(
  image: Image,
  version: number,
  usage?: Partial<Pick<ImageUsage, "sharedBytes" | "containers">>,
): WireImageSummary {
  const { config, sizeBytes, repoTags, repoDigests } = image;
  const dangling = repoTags.length === 0 && repoDigests.length === 0 && !atLeast(version, 43);
  return {
    Id: image.id,
    ParentId: image.parent ?? "",
    RepoTags: dangling ? ["<none>:<none>"] : repoTags,
    RepoDigests: dangling ? ["<none>@<none>"] : repoDigests,
    Created: config.createdAt === undefined ? 0 : unixSeconds(config.createdAt),
    Size: sizeBytes,
    SharedSize: usage?.sharedBytes ?? -1,
    ...(atLeast(version, 44) ? {} : { VirtualSize: sizeBytes }),
    Labels: Object.keys(config.labels).length > 0 || atLeast(version, 52) ? config.labels : null,
    Containers: usage?.containers ?? -1,
  };
}

/** `GET /images/{name}/json`. */
export function encodeImageInspect(image: Image, version: number): WireImageInspect {
  const { config, sizeBytes } = image;
  const created = config.createdAt === undefined ? {} : { Created: formatTime(config.createdAt) };
  return {
    Id: image.id,
    RepoTags: image.repoTags,
    RepoDigests: image.repoDigests,
    ...(atLeast(version, 52) ? {} : { Parent: image.parent ?? "" }),
    Comment: image.comment,
    ...created,
    ...(atLeast(version, 45) ? {} : { Container: "", ContainerConfig: oldContainerConfig() }),
    ...(atLeast(version, 52) ? {} : { DockerVersion: image.dockerVersion }),
    Author: config.author,
    Config: encodeImageConfig(image, version),
    Architecture: config.architecture,
    ...(config.variant === undefined ? {} : { Variant: config.variant }),
    Os: config.os,
    Size: sizeBytes,
    ...(atLeast(version, 44) ? {} : { VirtualSize: sizeBytes }),
    GraphDriver: { Name: "overlay2", Data: {} },
    RootFS: { Type: "layers", ...(config.diffIds.length > 0 ? { Layers: config.diffIds } : {}) },
    Metadata: { LastTagTime: formatTime(image.lastTaggedAt) },
  };
}

/** Of the container an image was made from: never kept, but old clients read its fields. */
function oldContainerConfig(): Record<string, unknown> {
  const texts = { Hostname: "", Domainname: "", User: "", Image: "", WorkingDir: "" };
  const flags = {
    AttachStdin: false,
    AttachStdout: false,
    AttachStderr: false,
    Tty: false,
    OpenStdin: false,
    StdinOnce: false,
  };
  return { ...texts, ...flags, Env: null, Cmd: null, Volumes: null, Entrypoint: null, OnBuild: null, Labels: null };
}

/** Until 1.49 every field of a container's config was there, most of them empty. */
function encodeImageConfig({ config }: Image, version: number): WireImageConfig {
  const full: WireImageConfig = {
    User: config.user,
    ...(config.exposedPorts.length > 0 ? { ExposedPorts: asSet(config.exposedPorts) } : {}),
    Env: config.environment,
    Cmd: config.command,
    ...(config.healthcheck === undefined ? {} : { Healthcheck: encodeHealthcheck(config.healthcheck) }),
    Volumes: config.volumes.length > 0 ? asSet(config.volumes) : null,
    WorkingDir: config.workingDir,
    Entrypoint: config.entrypoint,
    OnBuild: config.onBuild.length > 0 ? config.onBuild : null,
    Labels: Object.keys(config.labels).length > 0 ? config.labels : null,
    ...(config.stopSignal === undefined ? {} : { StopSignal: config.stopSignal }),
    ...(config.shell.length > 0 ? { Shell: config.shell } : {}),
  };
  if (!atLeast(version, 50)) return { ...oldContainerConfig(), ...full };
  return Object.fromEntries(Object.entries(full).filter(([, value]) => !isEmpty(value)));
}

function isEmpty(value: unknown): boolean {
  return value === null || value === "" || (Array.isArray(value) && value.length === 0);
}

export function encodeHistory(entry: HistoryEntry): WireHistoryEntry {
  return {
    Id: entry.id,
    Created: unixSeconds(entry.createdAt),
    CreatedBy: entry.createdBy,
    Tags: entry.tags.length > 0 ? entry.tags : null,
    Size: entry.sizeBytes,
    Comment: entry.comment,
  };
}
