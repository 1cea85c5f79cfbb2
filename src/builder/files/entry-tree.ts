import type { FileSource, SourceEntry } from "../results.ts";
import type { SourceNode, SourceTree } from "./selection.ts";

/** A file source's table of contents, to look paths up in. What is below a directory follows it without a gap. */
export class EntryTree implements SourceTree {
  readonly #entries: SourceEntry[];
  readonly #places = new Map<string, number>();

  constructor({ entries }: FileSource) {
    this.#entries = entries;
    for (let at = 0; at < entries.length; at++) this.#places.set((entries[at] as SourceEntry).path, at);
  }

  entry(path: string): SourceEntry | undefined {
    const at = this.#places.get(path);
    return at === undefined ? undefined : this.#entries[at];
  }

  stat(path: string): SourceNode | undefined {
    if (path === "") return { kind: "directory" };
    const entry = this.entry(path);
    if (entry === undefined) return undefined;
    if (entry.type === "symlink") return { kind: "symlink", target: entry.linkName };
    return { kind: entry.type === "file" || entry.type === "directory" ? entry.type : "other" };
  }

  names(directory: string): string[] {
    const start = directory === "" ? 0 : directory.length + 1;
    const found: string[] = [];
    for (const { path } of this.below(directory)) if (!path.includes("/", start)) found.push(path.slice(start));
    return found;
  }

  /** All below a directory, in order. */
  *below(directory: string): Generator<SourceEntry> {
    const prefix = directory === "" ? "" : `${directory}/`;
    for (let at = directory === "" ? 0 : (this.#places.get(directory) ?? -1) + 1; at < this.#entries.length; at++) {
      const entry = this.#entries[at] as SourceEntry;
      if (!entry.path.startsWith(prefix)) return;
      yield entry;
    }
  }
}
