import { copyFile } from "../../../kernel/copy-tree.ts";
import {
  closeFd,
  type FileStatus,
  linkAt,
  O_CREAT,
  O_EXCL,
  O_NOFOLLOW,
  O_NONBLOCK,
  O_RDONLY,
  O_WRONLY,
  openAt,
  renameAt,
} from "../../../kernel/files.ts";

const SLASH = 0x2f;
const COPY_BYTES = 1 << 20;
/** A name that no layer has: the rename takes it away again at once. */
const TEMPORARY = Buffer.from(".gantry-separate");

/**
 * Files of a layer may be other names of files of contexts and other layers, which must stay as they are. For one pass over a
 * layer's directory that nobody else writes to.
 */
export class LinkBreaker {
  readonly #root: number;
  readonly #buffer = new Uint8Array(COPY_BYTES);
  /** Path of the copy, by the inode that it was made of. */
  readonly #copies = new Map<string, Buffer>();

  constructor(root: number) {
    this.#root = root;
  }

  /** Whether the name shares its file with another: of this layer, or from outside. */
  isShared({ onDevice, inode, links }: FileStatus): boolean {
    return links > 1 || this.#copies.has(`${onDevice}:${inode}`);
  }

  /**
   * The name gets a copy of its file; further names of the file in this layer become names of the copy. False: this was such a
   * further name. `path`: in the layer.
   */
  separate(directory: number, path: Buffer, status: FileStatus): boolean {
    const name = path.subarray(path.lastIndexOf(SLASH) + 1);
    const key = `${status.onDevice}:${status.inode}`;
    const first = this.#copies.get(key);
    if (first === undefined) this.#copy(directory, name, status);
    else linkAt(this.#root, first, directory, TEMPORARY);
    renameAt(directory, TEMPORARY, name);
    if (first === undefined) this.#copies.set(key, path);
    return first === undefined;
  }

  #copy(directory: number, name: Buffer, status: FileStatus): void {
    const source = openAt(directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    try {
      const target = openAt(directory, TEMPORARY, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
      try {
        copyFile({ source, target }, status, this.#buffer);
      } finally {
        closeFd(target);
      }
    } finally {
      closeFd(source);
    }
  }
}
