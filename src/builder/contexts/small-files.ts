import { EngineError, invalid } from "../../base/errors.ts";
import { components, follow, notRegular, type SourceNode, type SourceTree, tooLarge } from "../files/selection.ts";
import type { DirectorySink, RemoteEntry } from "../session.ts";
import { CONTEXT_LIMITS, EntryCheck } from "./check-entries.ts";

/** Small files of a client, held in memory: for the Dockerfile and ignore files. */
export class SmallFileSink implements DirectorySink, SourceTree {
  readonly #limitBytes: number;
  readonly #check = new EntryCheck(CONTEXT_LIMITS);
  readonly #entries = new Map<string, RemoteEntry>();
  readonly #pieces = new Map<number, { path: string; pieces: Uint8Array[]; bytes: number }>();
  readonly #contents = new Map<string, Uint8Array>();
  /** A client may send more than what it was asked for: no more than this is taken. */
  #left: number;

  constructor(limitBytes: number, count: number) {
    this.#limitBytes = limitBytes;
    this.#left = limitBytes * Math.max(count, 1);
  }

  entry(remote: RemoteEntry, index: number): boolean {
    this.#check.next(remote);
    this.#entries.set(remote.path, remote);
    if (remote.type !== "file" || remote.linkName !== "" || remote.sizeBytes > this.#limitBytes) return false;
    this.#left -= remote.sizeBytes;
    if (this.#left < 0) return false;
    this.#pieces.set(index, { path: remote.path, pieces: [], bytes: 0 });
    return true;
  }

  data(index: number, bytes: Uint8Array): void {
    const file = this.#pieces.get(index);
    if (file === undefined) throw invalid(`build context: file ${index} was not asked for`);
    file.bytes += bytes.length;
    if (file.bytes > this.#limitBytes) throw tooLarge(file.path, this.#limitBytes);
    file.pieces.push(new Uint8Array(bytes));
  }

  end(index: number): void {
    const file = this.#pieces.get(index);
    if (file === undefined) return;
    this.#pieces.delete(index);
    this.#contents.set(file.path, Buffer.concat(file.pieces));
  }

  stat(path: string): SourceNode | undefined {
    if (path === "") return { kind: "directory" };
    const entry = this.#entries.get(path);
    if (entry === undefined) return undefined;
    if (entry.type === "symlink") return { kind: "symlink", target: entry.linkName };
    return { kind: entry.type === "file" || entry.type === "directory" ? entry.type : "other" };
  }

  names(): string[] {
    return [];
  }

  /** undefined: it is not there. Throws invalid-argument for what is no regular file or too large. */
  file(path: string): Uint8Array | undefined {
    const real = follow(this, components(path));
    const entry = real === undefined ? undefined : this.#entries.get(real);
    if (real === undefined) return undefined;
    if (entry?.type !== "file") throw notRegular(path);
    if (entry.sizeBytes > this.#limitBytes) throw tooLarge(path, this.#limitBytes);
    const content = this.#contents.get(entry.linkName === "" ? real : entry.linkName);
    if (content === undefined) throw new EngineError("unavailable", `${path} was not sent`);
    return content;
  }
}
