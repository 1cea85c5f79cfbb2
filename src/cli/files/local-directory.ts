import { closeSync, constants, mkdirSync, openSync } from "node:fs";

const SLASH = Buffer.from("/");
const OPEN_DIRECTORY = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;
/** Directories below one another; each holds a descriptor. */
const MAX_DEPTH = 512;

/**
 * A walk through the directories below one that is open. Each is opened in the one before it and never by way of a link, so that
 * nothing outside can be reached, whatever somebody renames meanwhile. (Node has no openat; a name behind /proc/self/fd/N is the same.)
 */
export class LocalDirectory {
  readonly #top: number;
  readonly #trail: { name: Buffer; fd: number }[] = [];

  /** `path`: links in it are followed, it is the user's own. Throws when it is no directory. */
  constructor(path: string) {
    this.#top = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY);
  }

  /** Goes to the directory of these components; what is missing is made. Throws for a component that is something else. */
  enter(components: readonly Buffer[]): void {
    if (components.length > MAX_DEPTH) throw new Error(`more than ${MAX_DEPTH} nested directories`);
    let same = 0;
    while (same < this.#trail.length && this.#trail[same]?.name.equals(components[same] ?? Buffer.alloc(0))) same++;
    for (const { fd } of this.#trail.splice(same)) closeSync(fd);
    for (const name of components.slice(same)) this.#trail.push({ name, fd: this.#openChild(name) });
  }

  /** Where a name in the present directory is: valid until the next `enter`. Follows no link before its last component. */
  pathOf(name: Uint8Array): Buffer {
    const fd = this.#trail.at(-1)?.fd ?? this.#top;
    return Buffer.concat([Buffer.from(`/proc/self/fd/${fd}/`), name]);
  }

  close(): void {
    for (const { fd } of this.#trail.splice(0)) closeSync(fd);
    closeSync(this.#top);
  }

  #openChild(name: Buffer): number {
    const path = this.pathOf(name);
    try {
      return openSync(path, OPEN_DIRECTORY);
    } catch (error) {
      const { code } = error as { code?: string };
      if (code === "ENOENT") {
        mkdirSync(path, 0o755);
        return openSync(path, OPEN_DIRECTORY);
      }
      if (code !== "ELOOP" && code !== "ENOTDIR") throw error;
      throw new Error(`${this.#describe(name)} leads elsewhere: refusing to write through it`);
    }
  }

  #describe(name: Buffer): string {
    return JSON.stringify(Buffer.concat(this.#trail.flatMap((one) => [one.name, SLASH]).concat(name)).toString());
  }
}
