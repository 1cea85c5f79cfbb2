import { invalid } from "../base/errors.ts";

/**
 * A volume of the `local` driver that is a mount, not a directory: what Docker's `type`, `device` and `o` say. Nothing is mounted
 * on the host: each container mounts it for itself. A device or a server shows all of them the same; a tmpfs is each one's own.
 */
export type LocalMount =
  | { kind: "bind"; source: string; recursive: boolean; words: string[] }
  | { kind: "fs"; fstype: string; source: string; words: string[] };

const OPTIONS = new Set(["type", "o", "device", "size"]);
const NEEDS: [string, string[]][] = [
  ["device", ["type"]],
  ["type", ["device"]],
  ["o", ["device", "type"]],
];
const BINDS = new Set(["bind", "rbind"]);

/** Throws invalid-argument with Docker's texts. @see moby daemon/volume/local `validateOpts` */
export function validateVolumeOptions(name: string, options: Record<string, string>): void {
  const refuse = (text: string) => invalid(`create ${name}: ${text}`);
  for (const [key, value] of Object.entries(options)) {
    if (!OPTIONS.has(key)) throw refuse(`invalid option: ${JSON.stringify(key)}`);
    if (value.includes("\0")) throw refuse(`invalid value of option ${JSON.stringify(key)}`);
  }
  const size = options["size"];
  if (size !== undefined && !/^\d+(\.\d+)? ?([kKmMgGtTpP]?(i?[bB])?)$/.test(size))
    throw refuse(`invalid size: '${size}'`);
  if (size !== undefined && Number.parseFloat(size) > 0) throw refuse("quota size requested but no quota support");
  for (const [option, needed] of NEEDS) {
    if (!Object.hasOwn(options, option)) continue;
    for (const other of needed) {
      if (!Object.hasOwn(options, other)) throw refuse(`missing required option: ${JSON.stringify(other)}`);
    }
  }
}

/** undefined: the volume is a directory. `words` are those of `o`, in order, but for `bind`. */
export function localMount({ type = "", device = "", o = "" }: Record<string, string>): LocalMount | undefined {
  if (type === "" && device === "") return undefined;
  const all = o.split(",").filter(Boolean);
  const words = all.filter((word) => !BINDS.has(word));
  if (words.length === all.length) return { kind: "fs", fstype: type, source: device, words };
  return { kind: "bind", source: device, recursive: all.includes("rbind"), words };
}
