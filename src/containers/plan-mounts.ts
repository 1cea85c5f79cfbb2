import { posix } from "node:path";
import { EngineError, invalid, messageOf } from "../base/errors.ts";
import type { ContainerSpec, MountSpec } from "./container-spec.ts";
import type { StoredMount } from "./record.ts";

/** A mount before its volume exists: `volume` says what to ask the volumes for. */
export interface PlannedMount {
  mount: StoredMount;
  volume?: { driver: string; options: Record<string, string>; labels: Record<string, string> };
  /** Fill an empty volume from the image. */
  copyUp: boolean;
  /** A structured bind whose source must exist. */
  mustExist: boolean;
}

/** `container[:ro|rw]` of --volumes-from, with the mounts of that container. */
export interface InheritedMounts {
  mounts: StoredMount[];
  readOnly: boolean;
}

const PROPAGATIONS = ["private", "rprivate", "slave", "rslave", "shared", "rshared"];

/**
 * Where everything is to lie, by destination: mounts of other containers first, then the user's own over them, then the image's
 * volumes where nothing else is. Throws invalid-argument with Docker's texts. Pure.
 */
export function planMounts(spec: ContainerSpec, inherited: InheritedMounts[]): PlannedMount[] {
  const byDestination = new Map<string, PlannedMount>();
  for (const source of inherited) {
    for (const mount of source.mounts) byDestination.set(mount.destination, inherit(mount, source.readOnly));
  }
  const own = new Set<string>();
  const take = (destination: string) => {
    if (own.has(destination)) throw invalid(`Duplicate mount point: ${destination}`);
    own.add(destination);
  };
  for (const mount of spec.mounts) {
    const planned = planOne(mount, spec.volumeDriver);
    take(planned.mount.destination);
    byDestination.set(planned.mount.destination, planned);
  }
  for (const destination of Object.keys(spec.tmpfs)) {
    const clean = cleanDestination("tmpfs", destination);
    take(clean);
    byDestination.delete(clean);
  }
  for (const path of spec.anonymousVolumes) {
    const destination = cleanDestination("volume", path.startsWith("/") ? path : `/${path}`);
    if (own.has(destination) || byDestination.has(destination)) continue;
    byDestination.set(destination, anonymousVolume(destination, spec.volumeDriver));
  }
  return [...byDestination.values()];
}

/** An anonymous volume stays one: it goes with the last of its containers that is removed with its volumes. */
function inherit(mount: StoredMount, readOnly: boolean): PlannedMount {
  return {
    mount: { ...mount, readWrite: mount.readWrite && !readOnly },
    ...(mount.type === "volume" ? { volume: { driver: mount.driver, options: {}, labels: {} } } : {}),
    copyUp: false,
    mustExist: false,
  };
}

function planOne(spec: MountSpec, volumeDriver: string): PlannedMount {
  const destination = cleanDestination(spec.type, spec.destination);
  const common = { destination, mode: spec.mode, readWrite: !spec.readOnly };
  switch (spec.type) {
    case "bind":
      return planBind(spec, common);
    case "tmpfs":
      return {
        mount: { ...blank, ...common, type: "tmpfs", options: tmpfsOptions(spec) },
        copyUp: false,
        mustExist: false,
      };
    case "volume": {
      if (spec.source === "" && spec.subpath !== "") {
        throw badMount("volume", "must not set Subpath when using anonymous volumes");
      }
      if (spec.source === "" && spec.readOnly && spec.from === "mounts") {
        throw badMount("volume", "must not set ReadOnly mode when using anonymous volumes");
      }
      if (spec.subpath !== "" && !isLocal(spec.subpath)) {
        throw badMount("volume", "subpath must be a relative path within the volume");
      }
      const driver = spec.driver || volumeDriver || "local";
      return {
        mount: {
          ...blank,
          ...common,
          type: "volume",
          name: spec.source,
          driver,
          subpath: spec.subpath === "" ? "" : posix.normalize(spec.subpath),
          anonymous: spec.source === "",
          // Docker shows `z` for structured volume mounts.
          mode: spec.from === "mounts" ? "z" : spec.mode,
        },
        volume: { driver, options: spec.driverOptions, labels: spec.labels },
        copyUp: !spec.noCopy && spec.subpath === "",
        mustExist: false,
      };
    }
  }
}

function planBind(
  spec: Extract<MountSpec, { type: "bind" }>,
  common: { destination: string; mode: string; readWrite: boolean },
): PlannedMount {
  if (spec.source === "") throw badMount("bind", "field Source must not be empty");
  if (!spec.source.startsWith("/")) {
    throw badMount("bind", `invalid mount path: '${spec.source}' mount path must be absolute`);
  }
  if (spec.source.includes("\0")) throw badMount("bind", "a path cannot contain a NUL character");
  const propagation = spec.propagation ?? "";
  if (propagation !== "" && !PROPAGATIONS.includes(propagation)) {
    throw badMount("bind", `invalid propagation mode: ${propagation}`);
  }
  return {
    mount: {
      ...blank,
      ...common,
      type: "bind",
      source: posix.normalize(spec.source).replace(/(?<=.)\/$/, ""),
      propagation: propagation || "rprivate",
      recursive: !spec.nonRecursive,
      createSource: spec.createSource,
    },
    copyUp: false,
    mustExist: !spec.createSource,
  };
}

const blank: Omit<StoredMount, "type" | "destination" | "readWrite"> = {
  name: "",
  source: "",
  driver: "",
  mode: "",
  propagation: "",
  recursive: true,
  subpath: "",
  options: [],
  anonymous: false,
  createSource: false,
};

function anonymousVolume(destination: string, volumeDriver: string): PlannedMount {
  const driver = volumeDriver || "local";
  return {
    mount: { ...blank, type: "volume", destination, readWrite: true, driver, anonymous: true },
    volume: { driver, options: {}, labels: {} },
    copyUp: true,
    mustExist: false,
  };
}

function tmpfsOptions(spec: Extract<MountSpec, { type: "tmpfs" }>): string[] {
  const options = [...spec.options];
  if (spec.sizeBytes !== undefined && spec.sizeBytes > 0) options.push(`size=${spec.sizeBytes}`);
  if (spec.permissions !== undefined && spec.permissions > 0) options.push(`mode=${spec.permissions.toString(8)}`);
  return options;
}

/** Absolute, without `.`, `..` and doubled slashes. The root itself cannot be mounted over. */
export function cleanDestination(type: string, destination: string): string {
  if (destination === "") throw badMount(type, "field Target must not be empty");
  if (destination.includes("\0")) throw badMount(type, "a path cannot contain a NUL character");
  const clean = posix.normalize(destination).replace(/(?<=.)\/$/, "");
  if (clean === "/") throw badMount(type, "invalid specification: destination can't be '/'");
  if (!clean.startsWith("/")) {
    throw badMount(type, `invalid mount path: '${destination}' mount path must be absolute`);
  }
  return clean;
}

function isLocal(path: string): boolean {
  const clean = posix.normalize(path);
  return !clean.startsWith("/") && clean !== ".." && !clean.startsWith("../") && !path.includes("\0");
}

export function badMount(type: string, text: string): EngineError {
  return invalid(`invalid mount config for type "${type}": ${text}`);
}

/** `container[:mode]` of --volumes-from. */
export function parseVolumesFrom(text: string): { reference: string; readOnly: boolean } {
  if (text === "") throw invalid("volumes-from specification cannot be an empty string");
  const colon = text.indexOf(":");
  if (colon === -1) return { reference: text, readOnly: false };
  const mode = text.slice(colon + 1);
  if (!/^(|(ro|rw)?,?[zZ]?)$/.test(mode)) throw invalid(`invalid mode: ${mode}`);
  return { reference: text.slice(0, colon), readOnly: mode.split(",").includes("ro") };
}

/** For a mount whose source cannot be looked at. */
export function bindSourceError(source: string, error: unknown): EngineError {
  const code = (error as { code?: string }).code;
  return badMount(
    "bind",
    code === "ENOENT" || code === "ENOTDIR" ? `bind source path does not exist: ${source}` : messageOf(error),
  );
}
