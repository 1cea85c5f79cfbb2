import {
  closeFd,
  O_NOFOLLOW,
  O_NONBLOCK,
  O_RDONLY,
  openAt,
  readFull,
  readLinkAt,
  S_IFDIR,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
  statFd,
} from "../../kernel/files.ts";
import { closeDirectory, list, lookUp, type OpenDirectory, openDirectory } from "./layered-tree.ts";
import { components, follow, notRegular, type SourceNode, type SourceTree, tooLarge } from "./selection.ts";

/** A stack of open directories, to look paths up in. The root stays the caller's. */
export class LayeredSource implements SourceTree {
  readonly root: OpenDirectory;

  constructor(root: OpenDirectory) {
    this.root = root;
  }

  stat(path: string): SourceNode | undefined {
    if (path === "") return { kind: "directory" };
    return this.inParent(path, (directory, name) => {
      const entry = lookUp(directory, name);
      if (entry === undefined) return undefined;
      switch (entry.status.mode & S_IFMT) {
        case S_IFDIR:
          return { kind: "directory" };
        case S_IFREG:
          return { kind: "file" };
        case S_IFLNK:
          return { kind: "symlink", target: readLinkAt(entry.part.fd, name).toString() };
        default:
          return { kind: "other" };
      }
    });
  }

  names(path: string): string[] {
    const found: Buffer[] = [];
    this.inDirectory(path, (directory) => list(directory, (name) => void found.push(name.bytes())));
    // A name that is no text cannot be written in a Dockerfile, and its path could not be found again.
    return found
      .sort((one, other) => one.compare(other))
      .filter((name) => Buffer.from(name.toString()).equals(name))
      .map((name) => name.toString());
  }

  /** `undefined` where the path is none: links are not followed. */
  inDirectory<T>(path: string, work: (directory: OpenDirectory) => T): T | undefined {
    let here = this.root;
    const opened: OpenDirectory[] = [];
    try {
      for (const name of path.split("/").filter((part) => part !== "")) {
        const next = openDirectory(here, Buffer.from(name));
        if (next === undefined) return undefined;
        opened.push(next);
        here = next;
      }
      return work(here);
    } finally {
      for (const directory of opened) closeDirectory(directory);
    }
  }

  inParent<T>(path: string, work: (directory: OpenDirectory, name: Buffer) => T): T | undefined {
    const slash = path.lastIndexOf("/");
    const name = Buffer.from(path.slice(slash + 1));
    return this.inDirectory(path.slice(0, Math.max(slash, 0)), (directory) => work(directory, name));
  }

  /** A regular file, open for reading; links are not followed. undefined: there is none. */
  openFile(path: string): number | undefined {
    return this.inParent(path, (directory, name) => {
      const entry = lookUp(directory, name);
      if (entry === undefined || (entry.status.mode & S_IFMT) !== S_IFREG) return undefined;
      const fd = openAt(entry.part.fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
      if ((statFd(fd).mode & S_IFMT) === S_IFREG) return fd;
      closeFd(fd);
      return undefined;
    });
  }

  /**
   * A small file, links followed inside. undefined: there is nothing. Throws invalid-argument for what is no regular file or larger
   * than `limitBytes`.
   */
  read(path: string, limitBytes: number): Uint8Array | undefined {
    const real = follow(this, components(path));
    if (real === undefined) return undefined;
    const fd = this.openFile(real);
    if (fd === undefined) throw notRegular(path);
    try {
      const { sizeBytes } = statFd(fd);
      if (sizeBytes > limitBytes) throw tooLarge(path, limitBytes);
      const buffer = new Uint8Array(sizeBytes);
      return buffer.subarray(0, readFull(fd, buffer));
    } finally {
      closeFd(fd);
    }
  }
}
