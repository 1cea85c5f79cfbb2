import { errorToValue } from "../../base/error-value.ts";
import { EngineError, invalid } from "../../base/errors.ts";
import { confineThread } from "../../kernel/confine.ts";
import { ELOOP, ENOENT, ENOSPC, ENOTDIR, errnoName, SystemError } from "../../kernel/errno.ts";
import {
  AT_FDCWD,
  closeFd,
  linkAt,
  makeDirAt,
  makeNodeAt,
  modeAt,
  O_CREAT,
  O_DIRECTORY,
  O_EXCL,
  O_NOFOLLOW,
  O_PATH,
  O_RDONLY,
  O_WRONLY,
  openAt,
  RESOLVE_BENEATH,
  RESOLVE_NO_SYMLINKS,
  S_IFBLK,
  S_IFCHR,
  S_IFIFO,
  setUmask,
  symlinkAt,
  type Timestamp,
  timesAt,
  timesFd,
  tryOpenAt2,
  writeFull,
} from "../../kernel/files.ts";
import { removeTree } from "../../kernel/trees.ts";
import { holdXattrFd } from "../../kernel/xattr.ts";
import { decodeXattrs } from "../files/counted-xattrs.ts";
import type { NewFile, WriterOrder, WriterReply, WriteStep } from "./write-order.ts";

declare const self: Worker;

const NODE_TYPES = { fifo: S_IFIFO, character: S_IFCHR, block: S_IFBLK };

interface OpenFile {
  fd: number;
  hasher: Bun.CryptoHasher;
  made: NewFile;
}

let writer: DirectoryWriter | undefined;

self.onmessage = ({ data }: MessageEvent<WriterOrder>) => {
  postMessage(answer(data));
};

function answer(order: WriterOrder): WriterReply {
  try {
    if ("directory" in order) writer = new DirectoryWriter(order.directory);
    else if ("steps" in order) return { digests: writer?.write(order.steps) ?? [] };
    else writer?.close();
    return { digests: [] };
  } catch (error) {
    return { failed: errorToValue(explain(error)) };
  }
}

/** Writes below one directory, which the thread is confined to, by descriptor: no link of the directory is ever followed. */
class DirectoryWriter {
  readonly #root: number;
  readonly #files = new Map<number, OpenFile>();
  /** The directory that was used last: what comes next is mostly in it, too. */
  #parent: { path: string; fd: number };

  constructor(directory: string) {
    this.#root = openAt(AT_FDCWD, directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    this.#parent = { path: "", fd: this.#root };
    confineThread(directory);
    setUmask(0);
  }

  write(steps: WriteStep[]): [number, string][] {
    const digests: [number, string][] = [];
    for (const step of steps) {
      const digest = this.#perform(step);
      if (digest !== undefined && "id" in step) digests.push([step.id, digest]);
    }
    return digests;
  }

  close(): void {
    for (const { fd } of this.#files.values()) closeFd(fd);
    this.#files.clear();
    this.#leaveParent();
    closeFd(this.#root);
  }

  /** The digest of a file that is complete now. */
  #perform(step: WriteStep): string | undefined {
    switch (step.step) {
      case "file":
        this.#open(step);
        this.#data(step);
        return this.#close(step.id);
      case "open":
        this.#open(step);
        return undefined;
      case "data":
        this.#data(step);
        return undefined;
      case "close":
        return this.#close(step.id);
      case "remove":
        this.#remove(step.path);
        return undefined;
      case "directory":
      case "symlink":
      case "node":
      case "link":
      case "describe":
        this.#name(step);
        return undefined;
    }
  }

  #name(step: Exclude<WriteStep, { step: "file" | "open" | "data" | "close" | "remove" }>): void {
    if (step.step === "describe" && step.path === "") return;
    const [parent, name] = this.#place(step.path);
    switch (step.step) {
      case "directory":
        return makeDirAt(parent, name, 0o755);
      case "symlink":
        symlinkAt(step.target, parent, name);
        return timesAt(parent, name, timeOf(step.modifiedNs), timeOf(step.modifiedNs));
      case "node": {
        const device = { major: step.major, minor: step.minor };
        makeNodeAt(parent, name, NODE_TYPES[step.type] | step.mode, device);
        return timesAt(parent, name, timeOf(step.modifiedNs), timeOf(step.modifiedNs));
      }
      case "link": {
        const [at, existing] = split(step.to);
        const fd = this.#enter(at);
        try {
          return linkAt(fd, existing, parent, name);
        } finally {
          closeFd(fd);
        }
      }
      case "describe":
        modeAt(parent, name, step.mode);
        return timesAt(parent, name, timeOf(step.modifiedNs), timeOf(step.modifiedNs));
    }
  }

  #open(made: NewFile): void {
    const { id, path, mode } = made;
    const [parent, name] = this.#place(path);
    const fd = openAt(parent, name, O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW, mode & 0o7777);
    this.#files.set(id, { fd, made, hasher: new Bun.CryptoHasher("sha256") });
  }

  #data({ id, data }: { id: number; data: Uint8Array }): void {
    const file = this.#files.get(id);
    if (file === undefined) throw new Error(`file ${id} is not open`);
    file.hasher.update(data);
    writeFull(file.fd, data);
  }

  #close(id: number): string {
    const file = this.#files.get(id);
    if (file === undefined) throw new Error(`file ${id} is not open`);
    this.#files.delete(id);
    try {
      const { modifiedNs, xattrs, path } = file.made;
      // After the content, which takes capabilities away.
      if (xattrs !== "") describe(file.fd, path, xattrs);
      timesFd(file.fd, timeOf(modifiedNs), timeOf(modifiedNs));
    } finally {
      closeFd(file.fd);
    }
    return `sha256:${file.hasher.digest("hex")}`;
  }

  #remove(path: string): void {
    const [at, name] = split(path);
    const fd = tryOpenAt2(
      this.#root,
      at === "" ? "." : at,
      O_PATH | O_DIRECTORY,
      RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS,
    );
    // The directory has gone, or is something else by now.
    if (fd === -ENOENT || fd === -ENOTDIR || fd === -ELOOP) return;
    if (fd < 0) throw new SystemError("openat2", -fd, at);
    // What is remembered may be in what goes.
    this.#leaveParent();
    try {
      removeTree(fd, Buffer.from(name));
    } finally {
      closeFd(fd);
    }
  }

  #place(path: string): [number, string] {
    const [at, name] = split(path);
    if (at !== this.#parent.path) {
      const fd = this.#enter(at);
      this.#leaveParent();
      this.#parent = { path: at, fd };
    }
    return [this.#parent.fd, name];
  }

  #enter(path: string): number {
    const fd = tryOpenAt2(
      this.#root,
      path === "" ? "." : path,
      O_PATH | O_DIRECTORY,
      RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS,
    );
    if (fd < 0) throw new SystemError("openat2", -fd, path);
    return fd;
  }

  #leaveParent(): void {
    if (this.#parent.fd !== this.#root) closeFd(this.#parent.fd);
    this.#parent = { path: "", fd: this.#root };
  }
}

/** What no file system would hold is the client's fault. */
function describe(fd: number, path: string, xattrs: string): void {
  for (const [name, value] of decodeXattrs(xattrs)) {
    try {
      holdXattrFd(fd, name, value);
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      throw invalid(`build context: attribute ${name} of ${path}: ${errnoName(error.errno)}`, { cause: error });
    }
  }
}

function split(path: string): [string, string] {
  const slash = path.lastIndexOf("/");
  return [path.slice(0, Math.max(slash, 0)), path.slice(slash + 1)];
}

function timeOf(ns: bigint): Timestamp {
  const nanoseconds = ((ns % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n;
  return { seconds: (ns - nanoseconds) / 1_000_000_000n, nanoseconds: Number(nanoseconds) };
}

function explain(error: unknown): unknown {
  if (!(error instanceof SystemError) || error.errno !== ENOSPC) return error;
  return new EngineError("internal", "no space left on device: the build context does not fit");
}
