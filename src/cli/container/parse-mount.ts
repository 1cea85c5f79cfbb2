import { splitCsv } from "../../base/csv.ts";
import { parseBool, parseBytes } from "../../base/go-values.ts";
import { absolutePath } from "../absolute-path.ts";

/** One entry of `HostConfig.Mounts`, as the API names its fields. */
export interface WireMount {
  Type: string;
  Source?: string;
  Target: string;
  ReadOnly?: boolean;
  Consistency?: string;
  BindOptions?: Record<string, unknown>;
  VolumeOptions?: { NoCopy?: boolean; Labels?: Record<string, string>; Subpath?: string; DriverConfig?: DriverConfig };
  ImageOptions?: { Subpath?: string };
  TmpfsOptions?: { SizeBytes?: number; Mode?: number };
}

interface DriverConfig {
  Name?: string;
  Options?: Record<string, string>;
}

const SWITCHES = ["readonly", "ro", "volume-nocopy", "bind-nonrecursive", "bind-create-src"];

/** The grammar of `--mount type=…,src=…,dst=…,…`. Relative bind sources are made absolute. Throws in Docker's words. */
export function parseMount(text: string): WireMount {
  if (text === "") throw new Error("EOF");
  const mount: WireMount = { Type: "volume", Target: "" };
  for (const field of splitCsv(text)) {
    const equals = field.indexOf("=");
    const key = (equals < 0 ? field : field.slice(0, equals)).toLowerCase();
    if (equals < 0 && !SWITCHES.includes(key)) throw new Error(`invalid field '${field}' must be a key=value pair`);
    applyField(mount, key, equals < 0 ? "true" : field.slice(equals + 1), field);
  }
  checkMount(mount, text);
  return mount;
}

function applyField(mount: WireMount, key: string, value: string, field: string): void {
  const flag = () => booleanField(key, value);
  switch (key) {
    case "type":
      mount.Type = value.toLowerCase();
      return;
    case "source":
    case "src":
      mount.Source =
        value === "." || value.startsWith("./") || value.startsWith("../") ? absolutePath(process.cwd(), value) : value;
      return;
    case "target":
    case "dst":
    case "destination":
      mount.Target = value;
      return;
    case "readonly":
    case "ro":
      mount.ReadOnly = flag();
      return;
    case "consistency":
      mount.Consistency = value.toLowerCase();
      return;
    case "image-subpath":
      mount.ImageOptions = { Subpath: value };
      return;
  }
  if (key.startsWith("bind-")) return applyBindField(mount, key, value, field);
  if (key.startsWith("volume-")) return applyVolumeField(mount, key, value, field);
  if (key.startsWith("tmpfs-")) return applyTmpfsField(mount, key, value, field);
  throw new Error(`unexpected key '${key}' in '${field}'`);
}

function applyBindField(mount: WireMount, key: string, value: string, field: string): void {
  mount.BindOptions ??= {};
  const options = mount.BindOptions;
  switch (key) {
    case "bind-propagation":
      options["Propagation"] = value.toLowerCase();
      return;
    case "bind-nonrecursive":
      options["NonRecursive"] = booleanField(key, value);
      return;
    case "bind-create-src":
      options["CreateMountpoint"] = booleanField(key, value);
      return;
    case "bind-recursive":
      if (value === "disabled") options["NonRecursive"] = true;
      else if (value === "writable") options["ReadOnlyNonRecursive"] = true;
      else if (value === "readonly") options["ReadOnlyForceRecursive"] = true;
      else if (value !== "enabled") {
        throw new Error(
          `invalid value for ${key}: ${value} (must be "enabled", "disabled", "writable", or "readonly")`,
        );
      }
      return;
  }
  throw new Error(`unexpected key '${key}' in '${field}'`);
}

function applyVolumeField(mount: WireMount, key: string, value: string, field: string): void {
  mount.VolumeOptions ??= {};
  const options = mount.VolumeOptions;
  switch (key) {
    case "volume-nocopy":
      options.NoCopy = booleanField(key, value);
      return;
    case "volume-label":
      options.Labels = { ...options.Labels, ...keyValue(value) };
      return;
    case "volume-subpath":
      options.Subpath = value;
      return;
    case "volume-driver":
      options.DriverConfig = { ...options.DriverConfig, Name: value };
      return;
    case "volume-opt":
      options.DriverConfig = {
        ...options.DriverConfig,
        Options: { ...options.DriverConfig?.Options, ...keyValue(value) },
      };
      return;
  }
  throw new Error(`unexpected key '${key}' in '${field}'`);
}

function applyTmpfsField(mount: WireMount, key: string, value: string, field: string): void {
  mount.TmpfsOptions ??= {};
  if (key === "tmpfs-size") {
    try {
      mount.TmpfsOptions.SizeBytes = parseBytes(value);
    } catch {
      throw new Error(`invalid value for ${key}: ${value}`);
    }
  } else if (key === "tmpfs-mode") {
    if (!/^[0-7]{1,6}$/.test(value)) throw new Error(`invalid value for ${key}: ${value}`);
    mount.TmpfsOptions.Mode = Number.parseInt(value, 8);
  } else throw new Error(`unexpected key '${key}' in '${field}'`);
}

function checkMount(mount: WireMount, text: string): void {
  if (mount.Type === "") throw new Error("type is required");
  if (mount.Target === "") throw new Error("target is required");
  if (mount.VolumeOptions !== undefined && mount.Type !== "volume") {
    throw new Error(`cannot mix 'volume-*' options with mount type '${mount.Type}'`);
  }
  if (mount.BindOptions !== undefined && mount.Type !== "bind") {
    throw new Error(`cannot mix 'bind-*' options with mount type '${mount.Type}'`);
  }
  if (mount.TmpfsOptions !== undefined && mount.Type !== "tmpfs") {
    throw new Error(`cannot mix 'tmpfs-*' options with mount type '${mount.Type}'`);
  }
  const needs = (option: string, what: string) => {
    throw new Error(`option 'bind-recursive=${option}' requires '${what}' to be specified in conjunction`);
  };
  if (text.includes("bind-recursive=writable") && mount.ReadOnly !== true) needs("writable", "readonly");
  if (mount.BindOptions?.["ReadOnlyForceRecursive"] === true) {
    if (mount.ReadOnly !== true) needs("readonly", "readonly");
    if (mount.BindOptions["Propagation"] !== "rprivate") needs("readonly", "bind-propagation=rprivate");
  }
}

function booleanField(key: string, value: string): boolean {
  try {
    return parseBool(value);
  } catch {
    throw new Error(`invalid value for ${key}: ${value}`);
  }
}

function keyValue(text: string): Record<string, string> {
  const equals = text.indexOf("=");
  return equals < 0 ? { [text]: "" } : { [text.slice(0, equals)]: text.slice(equals + 1) };
}
