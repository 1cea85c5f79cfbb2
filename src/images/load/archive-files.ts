import { setImmediate } from "node:timers/promises";
import { invalid } from "../../base/errors.ts";
import { type Digest, parseDigest } from "../../formats/oci/digest.ts";
import { detectCompression } from "../../formats/oci/media-types.ts";
import type { TarEntry } from "../../formats/tar/entry.ts";
import { createTarParser, type TarSink } from "../../formats/tar/parser.ts";
import type { Content, Ingest } from "../../storage/content/content.ts";
import type { ImageStore, PreparedLayer } from "../store.ts";

/** Files up to here are kept in memory: manifests, configs, tiny layers. */
const SMALL_BYTES = 1 << 20;
/** All of those together. */
const MAX_SMALL_TOTAL_BYTES = 64 << 20;
/** Members of an image archive. */
const MAX_MEMBERS = 20_000;
/** Bytes gathered for one write. */
const BATCH_BYTES = 1 << 20;
const MAX_LINKS = 8;
/** A source that always has bytes at hand must not keep the event loop from everything else. */
const YIELD_BYTES = 4 << 20;

/** A member of an image archive. Its name is only ever a key: nothing of the archive names a file of the host. */
export type ArchiveFile =
  | { kind: "small"; bytes: Uint8Array }
  /** In an ingest file; `layer`: being unpacked since the last byte was there. */
  | { kind: "spooled"; ingest: Ingest; layer: Promise<PreparedLayer> | undefined }
  /** Said to be a blob that content has: our own bytes are used. */
  | { kind: "known"; digest: Digest }
  | { kind: "link"; target: string };

/** With links followed. */
export type ArchiveMember = Exclude<ArchiveFile, { kind: "link" }>;

export interface ArchiveFiles {
  /** Links followed, within the archive. undefined: none. */
  find(name: string): ArchiveMember | undefined;
  names(): string[];
  /** Deletes what was not used. */
  dispose(): Promise<void>;
}

interface Options {
  content: Content;
  store: ImageStore;
  /** Blobs that content has are held by it, so that they stay. */
  onKnown: (digest: Digest) => void;
  signal: AbortSignal;
}

/** Reads a whole archive once (the source must not reuse its buffers): big files go to ingest files, and layers are unpacked while the rest still arrives. */
export async function readArchive(source: AsyncIterable<Uint8Array>, options: Options): Promise<ArchiveFiles> {
  const reader = new ArchiveReader(options);
  const parser = createTarParser(reader);
  try {
    let sinceYield = 0;
    for await (const bytes of source) {
      options.signal.throwIfAborted();
      parser.push(bytes);
      await reader.flush(false);
      sinceYield += bytes.length;
      if (sinceYield < YIELD_BYTES) continue;
      sinceYield = 0;
      await setImmediate();
    }
    parser.end();
    await reader.flush(true);
    return reader;
  } catch (error) {
    await reader.dispose();
    throw error;
  }
}

/** What the parser hands over during one push is written afterwards, in order. */
interface Pending {
  name: string;
  ingest: Promise<Ingest> | undefined;
  head: Uint8Array;
  batch: Uint8Array[];
  batchBytes: number;
  complete: boolean;
}

class ArchiveReader implements TarSink, ArchiveFiles {
  readonly #options: Options;
  readonly #files = new Map<string, ArchiveFile>();
  readonly #ingests: Promise<Ingest>[] = [];
  readonly #layers: Promise<PreparedLayer>[] = [];
  #pending: Pending[] = [];
  #small: { name: string; bytes: Uint8Array } | undefined;
  #smallTotal = 0;
  #members = 0;

  constructor(options: Options) {
    this.#options = options;
  }

  entry(entry: TarEntry): void {
    this.#small = undefined;
    if (++this.#members > MAX_MEMBERS) throw invalid(`image archive with more than ${MAX_MEMBERS} members`);
    if (entry.type === "directory") return;
    const name = memberName(entry.name.toString());
    if (this.#files.has(name)) throw invalid(`image archive: duplicate member ${JSON.stringify(name)}`);
    if (entry.type === "symlink" || entry.type === "hardlink") {
      const target = entry.linkName.toString();
      const base = entry.type === "symlink" ? name.split("/").slice(0, -1).join("/") : "";
      this.#files.set(name, { kind: "link", target: memberName(`${base}/${target}`) });
    } else if (entry.type === "file") {
      this.#beginFile(name, entry.sizeBytes);
    } else {
      throw invalid(`image archive: unexpected ${entry.type} ${JSON.stringify(name)}`);
    }
  }

  data(bytes: Uint8Array, offset: number): void {
    if (this.#small !== undefined) {
      this.#small.bytes.set(bytes, offset);
      return;
    }
    const file = this.#pending.at(-1);
    if (file === undefined || file.ingest === undefined || file.complete) return;
    if (file.head.length === 0) file.head = bytes.slice(0, 512);
    file.batch.push(bytes);
    file.batchBytes += bytes.length;
  }

  close(): void {
    const file = this.#pending.at(-1);
    if (this.#small === undefined && file !== undefined) file.complete = true;
    this.#small = undefined;
  }

  /** Writes what is gathered, unless it is little and more may come. */
  async flush(all: boolean): Promise<void> {
    for (;;) {
      const file = this.#pending[0];
      if (file === undefined) return;
      if (
        file.ingest !== undefined &&
        file.batch.length > 0 &&
        (all || file.complete || file.batchBytes >= BATCH_BYTES)
      ) {
        const batch = file.batch;
        file.batch = [];
        file.batchBytes = 0;
        await (await file.ingest).write(batch);
      }
      if (!file.complete) return;
      this.#pending.shift();
      if (file.ingest !== undefined) this.#spooled(file.name, await file.ingest, file.head);
    }
  }

  find(name: string): ArchiveMember | undefined {
    let file = this.#files.get(memberName(name));
    for (let links = 0; file?.kind === "link" && links < MAX_LINKS; links++) file = this.#files.get(file.target);
    return file?.kind === "link" ? undefined : file;
  }

  names(): string[] {
    return [...this.#files.keys()];
  }

  async dispose(): Promise<void> {
    for (const layer of await Promise.allSettled(this.#layers)) {
      if (layer.status === "fulfilled") await layer.value.staged.discard().catch(() => undefined);
    }
    for (const ingest of await Promise.allSettled(this.#ingests)) {
      if (ingest.status === "fulfilled") await ingest.value.abort();
    }
  }

  #beginFile(name: string, sizeBytes: number): void {
    const known = knownBlob(name);
    if (known !== undefined && sizeBytes > SMALL_BYTES && this.#options.content.stat(known)?.sizeBytes === sizeBytes) {
      this.#options.onKnown(known);
      this.#files.set(name, { kind: "known", digest: known });
      this.#pending.push({
        name,
        ingest: undefined,
        head: new Uint8Array(),
        batch: [],
        batchBytes: 0,
        complete: sizeBytes === 0,
      });
    } else if (sizeBytes <= SMALL_BYTES && this.#smallTotal + sizeBytes <= MAX_SMALL_TOTAL_BYTES) {
      this.#smallTotal += sizeBytes;
      const bytes = new Uint8Array(sizeBytes);
      this.#small = { name, bytes };
      this.#files.set(name, { kind: "small", bytes });
    } else {
      const ingest = this.#options.content.ingest();
      this.#ingests.push(ingest);
      this.#pending.push({ name, ingest, head: new Uint8Array(), batch: [], batchBytes: 0, complete: false });
    }
  }

  #spooled(name: string, ingest: Ingest, head: Uint8Array): void {
    const { store, signal } = this.#options;
    const layer = looksLikeLayer(head) ? store.prepare(ingest.path, { signal }) : undefined;
    if (layer !== undefined) {
      // Whoever needs the layer awaits it; a failure of one that nobody needs is nobody's.
      layer.catch(() => undefined);
      this.#layers.push(layer);
    }
    this.#files.set(name, { kind: "spooled", ingest, layer });
  }
}

/** A clean relative name. Throws for one that climbs out. */
function memberName(name: string): string {
  const components: string[] = [];
  for (const component of name.split("/")) {
    if (component === "" || component === ".") continue;
    if (component !== "..") components.push(component);
    else if (components.pop() === undefined) throw invalid(`image archive: invalid member ${JSON.stringify(name)}`);
  }
  return components.join("/");
}

function knownBlob(name: string): Digest | undefined {
  const hex = /^blobs\/sha256\/([a-f0-9]{64})$/.exec(name)?.[1];
  return hex === undefined ? undefined : parseDigest(`sha256:${hex}`);
}

function looksLikeLayer(head: Uint8Array): boolean {
  const compression = detectCompression(head);
  if (compression === "gzip" || compression === "zstd") return true;
  return Buffer.from(head).toString("latin1", 257, 262) === "ustar";
}
