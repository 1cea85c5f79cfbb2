import { badTar } from "../../../formats/tar/entry.ts";
import { MAX_PATH_BYTES, MAX_PATH_DEPTH } from "./limits.ts";

const SLASH = 0x2f;
const WHITEOUT_PREFIX = ".wh.";
const OPAQUE_NAME = ".wh..wh..opq";
/** AUFS kept its own bookkeeping in layers under these names. */
const METADATA_PREFIX = ".wh..wh.";

/** What a member's name means in a layer. `path`: absolute in the layer's root, clean; "/" itself is the root. */
export type LayerPath =
  | { kind: "entry"; path: Buffer }
  | { kind: "whiteout"; path: Buffer }
  /** `path`: of the directory. */
  | { kind: "opaque"; path: Buffer }
  | { kind: "ignored" };

/** Throws invalid-argument for a name that climbs out of the root. Pure. @see OCI image-spec layer.md "Whiteouts" */
export function classifyName(name: Uint8Array): LayerPath {
  const ordinary = ordinaryPath(name);
  if (ordinary !== undefined) return { kind: "entry", path: ordinary };
  const components = cleanName(name);
  const base = components.at(-1);
  if (base === undefined || !startsWith(base, WHITEOUT_PREFIX)) return { kind: "entry", path: absolute(components) };
  const parent = components.slice(0, -1);
  if (base.toString("latin1") === OPAQUE_NAME) return { kind: "opaque", path: absolute(parent) };
  if (startsWith(base, METADATA_PREFIX)) return { kind: "ignored" };
  const hidden = base.subarray(WHITEOUT_PREFIX.length);
  const text = hidden.toString("latin1");
  if (text === "" || text === "." || text === "..") throw badTar(`invalid whiteout ${JSON.stringify(String(name))}`);
  return { kind: "whiteout", path: absolute([...parent, hidden]) };
}

/** The target of a hard link, in the layer's root. */
export function linkPath(linkName: Uint8Array): Buffer {
  return absolute(cleanName(linkName));
}

/** "" for the root. */
export function parentOf(path: Buffer): Buffer {
  return path.subarray(0, Math.max(path.lastIndexOf(SLASH), 0));
}

/** The components of a member's name; none for the root. Throws invalid-argument for a name that climbs out of the root. */
export function cleanName(name: Uint8Array): Buffer[] {
  if (name.length > MAX_PATH_BYTES) throw badTar(`name of ${name.length} bytes`);
  const bytes = Buffer.from(name.buffer, name.byteOffset, name.length);
  const components: Buffer[] = [];
  for (let start = 0; start <= bytes.length; ) {
    const slash = bytes.indexOf(SLASH, start);
    const end = slash === -1 ? bytes.length : slash;
    const component = bytes.subarray(start, end);
    start = end + 1;
    if (component.length === 0 || isText(component, ".")) continue;
    if (!isText(component, "..")) components.push(component);
    else if (components.pop() === undefined) throw badTar(`${JSON.stringify(bytes.toString())} is outside of the root`);
  }
  if (components.length > MAX_PATH_DEPTH) throw badTar(`name with ${components.length} directories`);
  return components;
}

/**
 * The path of a name that needs no cleaning, which nearly all names are: nothing in it begins with a dot, no component is empty.
 * undefined: look closer. Below two bytes for each directory no name is too deep.
 */
function ordinaryPath(name: Uint8Array): Buffer | undefined {
  if (name.length > MAX_PATH_DEPTH * 2) return undefined;
  const text = Buffer.from(name.buffer, name.byteOffset, name.length).toString("latin1");
  const start = text.startsWith("./") ? 1 : 0;
  const end = text.endsWith("/") ? text.length - 1 : text.length;
  const inner = text.slice(start, Math.max(start, end));
  const path = inner.startsWith("/") ? inner : `/${inner}`;
  return text.includes("//") || path.includes("/.") ? undefined : Buffer.from(path, "latin1");
}

function absolute(components: Buffer[]): Buffer {
  if (components.length === 0) return Buffer.from("/");
  const slash = Buffer.from("/");
  return Buffer.concat(components.flatMap((component) => [slash, component]));
}

function startsWith(component: Buffer, prefix: string): boolean {
  return component.toString("latin1", 0, prefix.length) === prefix;
}

function isText(component: Buffer, text: string): boolean {
  return component.length === text.length && component.toString("latin1") === text;
}
