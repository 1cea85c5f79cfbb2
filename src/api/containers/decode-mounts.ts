import { posix } from "node:path";
import { cleanPath } from "../../base/clean-path.ts";
import { invalid } from "../../base/errors.ts";
import type { MountSpec } from "../../containers/container-spec.ts";
import { Fields } from "../fields.ts";

const PROPAGATIONS = new Set(["private", "rprivate", "slave", "rslave", "shared", "rshared"]);

/** `HostConfig.Binds`: `source:destination[:modes]`. Throws invalid-argument with Docker's texts. */
export function decodeBinds(binds: string[], volumeDriver: string): MountSpec[] {
  return binds.map((text) => decodeBind(text, volumeDriver));
}

function decodeBind(text: string, volumeDriver: string): MountSpec {
  const parts = text.split(":");
  const [source, destination = "", mode = ""] = parts.length === 1 ? ["", text] : parts;
  const wrong = parts.length > 3 || destination === "" || (source === "" && parts.length > 1);
  if (wrong || (parts.length === 2 && parseModes(destination) !== undefined)) {
    throw invalid(`invalid volume specification: '${text}'`);
  }
  const modes = parseModes(mode);
  if (modes === undefined || (parts.length === 3 && mode === "")) throw invalid(`invalid mode: ${mode}`);
  const isBind = source?.startsWith("/") ?? false;
  const place = checkDestination(destination, (reason) =>
    invalid(`invalid volume specification: '${text}': ${reason.replace("%type", isBind ? "bind" : "volume")}`),
  );
  const common = { destination: place, readOnly: modes.readOnly, from: "binds" as const, mode };
  if (isBind) {
    if (modes.noCopy) throw invalid(`invalid mode: ${mode}`);
    return {
      type: "bind",
      source: cleanPath(source ?? ""),
      ...(modes.propagation === undefined ? {} : { propagation: modes.propagation }),
      createSource: true,
      nonRecursive: false,
      readOnlyNonRecursive: false,
      readOnlyForceRecursive: false,
      ...common,
    };
  }
  if (modes.propagation !== undefined) throw invalid(`invalid mode: ${mode}`);
  return {
    type: "volume",
    source: source ?? "",
    driver: volumeDriver,
    driverOptions: {},
    labels: {},
    noCopy: modes.noCopy,
    subpath: "",
    ...common,
  };
}

interface Modes {
  readOnly: boolean;
  noCopy: boolean;
  propagation: string | undefined;
}

/** Undefined: no such mode, or two of one kind. */
function parseModes(text: string): Modes | undefined {
  if (text === "") return { readOnly: false, noCopy: false, propagation: undefined };
  const seen = new Map<string, string>();
  for (const word of text.split(",")) {
    const kind = modeKind(word);
    if (kind === undefined || seen.has(kind)) return undefined;
    seen.set(kind, word);
  }
  return { readOnly: seen.get("access") === "ro", noCopy: seen.has("copy"), propagation: seen.get("propagation") };
}

function modeKind(word: string): string | undefined {
  if (word === "rw" || word === "ro") return "access";
  if (word === "z" || word === "Z") return "label";
  if (word === "nocopy") return "copy";
  if (word === "consistent" || word === "cached" || word === "delegated") return "consistency";
  return PROPAGATIONS.has(word) ? "propagation" : undefined;
}

/** `HostConfig.Mounts` (`--mount`). */
export function decodeMounts(mounts: unknown[]): MountSpec[] {
  return mounts.map((item) => decodeMount(new Fields(item, "Mount")));
}

function decodeMount(mount: Fields): MountSpec {
  const type = mount.string("Type");
  const wrong = (reason: string) => invalid(`invalid mount config for type "${type}": ${reason}`);
  const target = mount.string("Target");
  if (target === "") throw wrong("field Target must not be empty");
  const destination = checkDestination(target, (reason) => wrong(reason.replace(/^.*": /, "")));
  const source = mount.string("Source");
  const common = { destination, readOnly: mount.bool("ReadOnly"), from: "mounts" as const, mode: "" };
  const foreign = { bind: "BindOptions", volume: "VolumeOptions", tmpfs: "TmpfsOptions" } as const;
  for (const [own, options] of Object.entries(foreign)) {
    if (own !== type && mount.has(options)) throw wrong(`field ${options} must not be specified`);
  }
  if (type === "bind") return { ...decodeBindMount(mount, source, wrong), ...common };
  if (type === "volume") return { ...decodeVolumeMount(mount, source, wrong), ...common };
  if (type === "tmpfs") {
    if (source !== "") throw wrong("field Source must not be specified");
    return { ...decodeTmpfsMount(mount.object("TmpfsOptions", "TmpfsOptions"), wrong), ...common };
  }
  throw wrong(type === "" ? "mount type unknown" : `mount type "${type}" is not supported by this engine`);
}

type Wrong = (reason: string) => Error;

function decodeBindMount(mount: Fields, source: string, wrong: Wrong) {
  if (source === "") throw wrong("field Source must not be empty");
  if (!source.startsWith("/")) throw wrong(`invalid mount path: '${source}' mount path must be absolute`);
  const options = mount.object("BindOptions", "BindOptions");
  const propagation = options.string("Propagation");
  if (propagation !== "" && !PROPAGATIONS.has(propagation)) throw wrong(`invalid propagation mode: ${propagation}`);
  return {
    type: "bind" as const,
    source: cleanPath(source),
    ...(propagation === "" ? {} : { propagation }),
    createSource: options.bool("CreateMountpoint"),
    nonRecursive: options.bool("NonRecursive"),
    readOnlyNonRecursive: options.bool("ReadOnlyNonRecursive"),
    readOnlyForceRecursive: options.bool("ReadOnlyForceRecursive"),
  };
}

function decodeVolumeMount(mount: Fields, source: string, wrong: Wrong) {
  const options = mount.object("VolumeOptions", "VolumeOptions");
  const driver = options.object("DriverConfig", "Driver");
  const subpath = options.string("Subpath");
  if (subpath !== "" && (subpath.startsWith("/") || posix.normalize(subpath).startsWith(".."))) {
    throw wrong("subpath must be a relative path within the volume");
  }
  return {
    type: "volume" as const,
    source,
    driver: driver.string("Name"),
    driverOptions: driver.stringMap("Options"),
    labels: options.stringMap("Labels"),
    noCopy: options.bool("NoCopy"),
    subpath,
  };
}

function decodeTmpfsMount(options: Fields, wrong: Wrong) {
  const sizeBytes = options.int("SizeBytes");
  const permissions = options.int("Mode");
  if (sizeBytes < 0) throw wrong("size must not be negative");
  if (permissions < 0 || permissions > 0o7777) throw wrong("mode is out of range");
  return {
    type: "tmpfs" as const,
    ...(sizeBytes === 0 ? {} : { sizeBytes }),
    ...(permissions === 0 ? {} : { permissions }),
    options: options.list("Options").map((option) => tmpfsOption(option, wrong)),
  };
}

/** `["key"]` or `["key", "value"]`. */
function tmpfsOption(option: unknown, wrong: Wrong): string {
  if (!Array.isArray(option) || option.length < 1 || option.length > 2) throw wrong("invalid option array");
  if (!option.every((word) => typeof word === "string" && !/[,\0]/.test(word))) throw wrong("invalid option");
  return option.join("=");
}

/** Absolute and not the root. */
function checkDestination(path: string, wrong: Wrong): string {
  if (path.includes("\0")) throw wrong('invalid mount config for type "%type": invalid mount path');
  if (!path.startsWith("/")) {
    throw wrong(`invalid mount config for type "%type": invalid mount path: '${path}' mount path must be absolute`);
  }
  const clean = cleanPath(path);
  if (clean === "/")
    throw wrong(`invalid mount config for type "%type": invalid specification: destination can't be '/'`);
  return clean;
}
