import { DT_DIR, DT_UNKNOWN, forEachName } from "../../../kernel/directory-entries.ts";
import { closeFd, O_DIRECTORY, O_NOFOLLOW, O_RDONLY, openAt, S_IFDIR, S_IFMT, statAt } from "../../../kernel/files.ts";
import { type LinkOrigin, mayShare, uniteOrigins } from "./link-origins.ts";

/** One layer of one source of an instruction: what has several names in it has several names where it is copied, too. */
export interface LinkSource {
  readonly origins: readonly LinkOrigin[];
  /** Inodes that the tree shows already; undefined: not known yet. */
  taken: ReadonlySet<number>[] | undefined;
  isUsed: boolean;
}

/** A directory of the tree that is copied into: open. */
export interface Neighbour {
  fd: number;
  origins: readonly LinkOrigin[];
}

/**
 * Says what may be a hard link in a new layer, so that no two names of a tree are one file unless they were in one layer of one
 * source: in a container they would change together. Layers that may have files of a source are looked through once, for the numbers
 * of their inodes only: 50,000 names take some 20 ms. For one new layer. Synchronous: for workers.
 */
export class LinkGuard {
  readonly #neighbours: (Neighbour & { inodes: ReadonlySet<number> | undefined })[];
  readonly #isWritten: boolean;
  readonly #sources: LinkSource[] = [];
  /** Where each inode of the new layer came from. */
  readonly #linked = new Map<number, LinkSource>();

  /** `isWritten`: others write into the layer's directory, too. Then nothing is linked. */
  constructor(neighbours: Neighbour[], { isWritten = false } = {}) {
    this.#isWritten = isWritten;
    this.#neighbours = neighbours.map((neighbour) => ({ ...neighbour, inodes: undefined }));
  }

  source(origins: readonly LinkOrigin[]): LinkSource {
    const source: LinkSource = { origins, taken: undefined, isUsed: false };
    this.#sources.push(source);
    return source;
  }

  mayLink(inode: number, source: LinkSource): boolean {
    if (this.#isWritten) return false;
    source.taken ??= this.#takenFrom(source);
    for (const inodes of source.taken) if (inodes.has(inode)) return false;
    return (this.#linked.get(inode) ?? source) === source;
  }

  /** The new layer has a name of it. */
  linked(inode: number, source: LinkSource): void {
    this.#linked.set(inode, source);
    source.isUsed = true;
  }

  /** What the new layer has to remember. */
  linkedFrom(): LinkOrigin[] {
    return uniteOrigins(this.#sources.filter(({ isUsed }) => isUsed).map(({ origins }) => origins));
  }

  #takenFrom({ origins }: LinkSource): ReadonlySet<number>[] {
    const found: ReadonlySet<number>[] = [];
    for (const neighbour of this.#neighbours) {
      if (!mayShare(origins, neighbour.origins)) continue;
      neighbour.inodes ??= inodesBelow(neighbour.fd, new Set());
      found.push(neighbour.inodes);
    }
    return found;
  }
}

/** Of everything but directories, from the directories' own records. */
function inodesBelow(directory: number, found: Set<number>): Set<number> {
  const below: Buffer[] = [];
  forEachName(directory, (name) => {
    if (name.type === DT_DIR || (name.type === DT_UNKNOWN && isDirectory(directory, name.bytes()))) {
      below.push(name.bytes());
    } else found.add(name.inode);
  });
  for (const name of below) {
    const child = openAt(directory, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    try {
      inodesBelow(child, found);
    } finally {
      closeFd(child);
    }
  }
  return found;
}

function isDirectory(directory: number, name: Buffer): boolean {
  return ((statAt(directory, name)?.mode ?? 0) & S_IFMT) === S_IFDIR;
}
