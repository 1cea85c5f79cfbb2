import {
  chmodSync,
  closeSync,
  constants,
  fchmodSync,
  ftruncateSync,
  futimesSync,
  linkSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  openSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeSync,
} from "node:fs";
import { cleanPath } from "../../base/clean-path.ts";
import type { TarEntry, TarTime } from "../../formats/tar/entry.ts";
import { createTarParser, type TarSink } from "../../formats/tar/parser.ts";
import { LocalDirectory } from "./local-directory.ts";

/** Names come from a daemon, which is trusted less than the user's files. */
export interface UnpackLocal {
  /** An existing directory; nothing outside of it is written. */
  directory: string;
  /** The archive's first component must be this, and becomes `name`. "." and "/": each entry comes below `name`. */
  base: string;
  /** "." : directly in `directory`. */
  name: string;
}

/** Returns what could not be made here: devices and pipes, by their names in the archive. Files belong to the caller. */
export async function unpackLocal(archive: AsyncIterable<Uint8Array>, where: UnpackLocal): Promise<string[]> {
  const unpacker = new LocalUnpacker(where);
  try {
    const parser = createTarParser(unpacker);
    for await (const bytes of archive) parser.push(bytes);
    parser.end();
    unpacker.finish();
    return unpacker.skipped;
  } finally {
    unpacker.abandon();
  }
}

const CREATE = constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY | constants.O_NOFOLLOW;

class LocalUnpacker implements TarSink {
  readonly skipped: string[] = [];
  readonly #where: UnpackLocal;
  readonly #directory: LocalDirectory;
  #file: { fd: number; entry: TarEntry } | undefined;
  /** Modes and times are set last: making members needs the one and changes the other. */
  readonly #directories: { path: Buffer[]; entry: TarEntry }[] = [];

  constructor(where: UnpackLocal) {
    this.#where = where;
    this.#directory = new LocalDirectory(where.directory);
  }

  entry(entry: TarEntry): void {
    const path = this.#place(entry.name);
    const name = path.at(-1);
    if (name === undefined) return;
    this.#directory.enter(path.slice(0, -1));
    const target = this.#directory.pathOf(name);
    const before = lstatSync(target, { throwIfNoEntry: false });
    const isDirectory = entry.type === "directory";
    if (before !== undefined && before.isDirectory() !== isDirectory) {
      const [old, other] = isDirectory ? ["non-directory", "directory"] : ["directory", "non-directory"];
      const top = cleanPath(this.#where.directory);
      throw new Error(
        `cannot overwrite ${old} ${text([Buffer.from(top), ...path])} with ${other} ${JSON.stringify(top)}`,
      );
    }
    if (isDirectory) {
      if (before === undefined) mkdirSync(target, 0o700);
      this.#directories.push({ path, entry });
      return;
    }
    if (before !== undefined) unlinkSync(target);
    this.#make(entry, path, target);
  }

  data(bytes: Uint8Array, offset: number): void {
    if (this.#file === undefined) return;
    for (let done = 0; done < bytes.length; ) {
      done += writeSync(this.#file.fd, bytes, done, bytes.length - done, offset + done);
    }
  }

  close(): void {
    const file = this.#file;
    this.#file = undefined;
    if (file === undefined) return;
    try {
      if (file.entry.sparse !== undefined) ftruncateSync(file.fd, file.entry.sizeBytes);
      fchmodSync(file.fd, file.entry.mode);
      futimesSync(file.fd, ...timesOf(file.entry));
    } finally {
      closeSync(file.fd);
    }
  }

  finish(): void {
    for (const { path, entry } of this.#directories.reverse()) {
      this.#directory.enter(path);
      const here = this.#directory.pathOf(Buffer.from("."));
      chmodSync(here, entry.mode);
      utimesSync(here, ...timesOf(entry));
    }
  }

  abandon(): void {
    if (this.#file !== undefined) closeSync(this.#file.fd);
    this.#directory.close();
  }

  #make(entry: TarEntry, path: Buffer[], target: Buffer): void {
    switch (entry.type) {
      case "file":
        this.#file = { fd: openSync(target, CREATE, 0o600), entry };
        return;
      case "symlink":
        if (climbs(path, entry.linkName))
          throw new Error(`invalid symlink ${text(path)} -> ${JSON.stringify(entry.linkName.toString())}`);
        symlinkSync(entry.linkName, target);
        lutimesSync(target, ...timesOf(entry));
        return;
      case "hardlink":
        return this.#link(entry, path);
      case "directory":
        throw new TypeError("a directory is not made here");
      case "character":
      case "block":
      case "fifo":
        this.skipped.push(entry.name.toString());
    }
  }

  /** Beside its name first: two directories cannot be entered at once. */
  #link(entry: TarEntry, path: Buffer[]): void {
    const source = this.#place(entry.linkName);
    const base = source.at(-1);
    if (base === undefined) throw new Error(`invalid hardlink ${text(path)}`);
    const other = new LocalDirectory(this.#where.directory);
    try {
      other.enter(source.slice(0, -1));
      linkSync(other.pathOf(base), this.#directory.pathOf(path.at(-1) as Buffer));
    } finally {
      other.close();
    }
  }

  /** Components below the directory. Throws for a name that climbs, or is not of what was asked for. */
  #place(name: Buffer): Buffer[] {
    const { base, name: wanted } = this.#where;
    const components = clean(name);
    const isWhole = base === "." || base === "/";
    if (!isWhole && components.shift()?.equals(Buffer.from(base)) !== true) {
      throw new Error(`the archive holds ${JSON.stringify(name.toString())}, which was not asked for`);
    }
    return wanted === "." || wanted === "/" ? components : [Buffer.from(wanted), ...components];
  }
}

function clean(name: Buffer): Buffer[] {
  const components = name
    .toString("latin1")
    .split("/")
    .filter((component) => component !== "" && component !== ".");
  if (components.includes("..")) throw new Error(`${JSON.stringify(name.toString())} climbs out of its directory`);
  return components.map((component) => Buffer.from(component, "latin1"));
}

/** A relative link may lead about in the directory, but not out of it. */
function climbs(path: Buffer[], target: Buffer): boolean {
  const parts = target.toString("latin1").split("/");
  if (parts[0] === "") return false;
  let depth = path.length - 1;
  for (const part of parts) {
    if (part === "..") depth--;
    else if (part !== "" && part !== ".") depth++;
    if (depth < 0) return true;
  }
  return false;
}

function timesOf(entry: TarEntry): [accessed: number, modified: number] {
  const modified = seconds(entry.modifiedAt);
  return [entry.accessedAt === undefined ? modified : seconds(entry.accessedAt), modified];
}

function seconds(time: TarTime): number {
  return Number(time.seconds) + time.nanoseconds / 1e9;
}

function text(path: Buffer[]): string {
  return JSON.stringify(path.map((name) => name.toString()).join("/"));
}
