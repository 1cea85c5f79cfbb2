import { posix } from "node:path";
import { type BakeTarget, objectOf, textsOf } from "./bake-file.ts";

/** Lists that are flags of `build`, one for each text. */
const LISTS: Record<string, string> = {
  tags: "tag",
  platforms: "platform",
  output: "output",
  "cache-from": "cache-from",
  "cache-to": "cache-to",
  secret: "secret",
  ssh: "ssh",
  "no-cache-filter": "no-cache-filter",
  annotations: "annotation",
  attest: "attest",
  entitlements: "allow",
  ulimits: "ulimit",
};
const TEXTS: Record<string, string> = {
  target: "target",
  network: "network",
  "shm-size": "shm-size",
  call: "call",
};
const SWITCHES: Record<string, string> = { "no-cache": "no-cache", pull: "pull" };
const MAPS: Record<string, string> = { args: "build-arg", labels: "label", "extra-hosts": "add-host" };
/** For people, or read elsewhere. */
const OTHERS = ["context", "dockerfile", "contexts", "description", "name"];

/** What `build` would be called with, without its context. Throws for fields that there is nothing for. Pure. */
export function targetArguments(target: BakeTarget): string[] {
  const { name, fields } = target;
  const argv = fileArguments(target);
  for (const [field, value] of Object.entries(fields)) {
    const what = `${field} of target ${name}`;
    const flag = LISTS[field] ?? TEXTS[field] ?? SWITCHES[field] ?? MAPS[field] ?? "";
    if (value === null || OTHERS.includes(field)) continue;
    if (field in LISTS) argv.push(...textsOf(value, what).flatMap((text) => [`--${flag}`, text]));
    else if (field in TEXTS) argv.push(`--${flag}`, textOf(value, what));
    else if (field in SWITCHES) argv.push(`--${flag}=${value === true || value === "true"}`);
    else if (field in MAPS) {
      for (const [key, one] of Object.entries(objectOf(value, what))) {
        // An argument without a value takes the environment's.
        argv.push(`--${flag}`, one === null ? key : `${key}=${String(one)}`);
      }
    } else throw new Error(`${what} is not supported`);
  }
  return argv;
}

/** A Dockerfile's path is relative to a context that is a directory. */
function fileArguments(target: BakeTarget): string[] {
  const value = target.fields["dockerfile"];
  if (value === undefined || value === null) return [];
  const path = textOf(value, `dockerfile of target ${target.name}`);
  const { main } = targetContexts(target);
  const isDirectory = !/^[\w.+-]+:|^-$/.test(main);
  return ["--file", isDirectory && !posix.isAbsolute(path) ? posix.join(main, path) : path];
}

/** Its context, and the named ones. `target:x` among these is a target that is built first. Pure. */
export function targetContexts({ name, fields }: BakeTarget): { main: string; named: [string, string][] } {
  const named = Object.entries(objectOf(fields["contexts"] ?? {}, `contexts of target ${name}`));
  return {
    main: textOf(fields["context"] ?? ".", `context of target ${name}`),
    named: named.map(([key, value]) => [key, textOf(value, `context ${key} of target ${name}`)]),
  };
}

function textOf(value: unknown, what: string): string {
  if (typeof value === "string") return value;
  throw new Error(`${what} must be a text`);
}
