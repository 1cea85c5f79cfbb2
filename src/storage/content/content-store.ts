import { existsSync, renameSync } from "node:fs";
import { type FileHandle, open, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { EngineError, invalid } from "../../base/errors.ts";
import { algorithmOf, createDigestStream, type Digest, type DigestAlgorithm } from "../../formats/oci/digest.ts";
import { auditContent } from "./audit.ts";
import type { Blob, Content, Expected, Ingest } from "./content.ts";
import { blobDirectory, blobPath, INGEST_DIRECTORY, openLayout, TRASH_DIRECTORY } from "./layout.ts";
import { createPartials } from "./partials.ts";
import { writeAll } from "./write-all.ts";

/** Blobs are never written again once they have their name. */
const READ_ONLY = 0o444;

interface Store {
  root: string;
  sizes: Map<Digest, number>;
  /** Files that are being written, or on their way to their place. */
  busy: Set<string>;
}

/**
 * Content in an OCI image layout below `root`: `blobs/<algorithm>/<hex>`, `ingest/` for what is not complete, `trash/` for what is
 * being deleted.
 */
export function createContent(deps: { root: string }): Content {
  const store: Store = { root: deps.root, sizes: openLayout(deps.root), busy: new Set() };
  const { root, sizes } = store;
  let lastIngest = 0;
  const stat = (digest: Digest): Blob | undefined => {
    const sizeBytes = sizes.get(digest);
    return sizeBytes === undefined ? undefined : { digest, sizeBytes, path: blobPath(root, digest) };
  };
  const ingest = (algorithm: DigestAlgorithm = "sha256") =>
    createIngest(store, join(root, INGEST_DIRECTORY, String(++lastIngest)), algorithm);
  return {
    has: (digest) => sizes.has(digest),
    stat,
    ingest,
    async read(digest, limitBytes) {
      const blob = stat(digest);
      if (blob === undefined) throw new EngineError("not-found", `content ${digest} not found`);
      if (blob.sizeBytes > limitBytes) throw invalid(`content ${digest} is larger than ${limitBytes} bytes`);
      return readFile(blob.path);
    },
    async put(bytes, algorithm) {
      const file = await ingest(algorithm);
      await file.write(bytes);
      return file.commit();
    },
    async remove(digest) {
      if (!sizes.delete(digest)) return;
      // Under another name at once: whoever brings the same blob in the meantime must not lose it.
      const doomed = join(root, TRASH_DIRECTORY, String(++lastIngest));
      if (existsSync(blobPath(root, digest))) renameSync(blobPath(root, digest), doomed);
      await rm(doomed, { force: true });
    },
    partials: createPartials(join(root, INGEST_DIRECTORY), (written, actual) => publish(store, written, actual)),
    audit: () => auditContent(root, { has: (digest) => sizes.has(digest), busy: store.busy }),
    list: () => [...sizes.keys()].flatMap((digest) => stat(digest) ?? []),
    async writeIndex(index) {
      const temporary = join(root, INGEST_DIRECTORY, `index-${++lastIngest}`);
      store.busy.add(temporary);
      try {
        await writeFile(temporary, index, { mode: 0o644 });
        await rename(temporary, join(root, "index.json"));
      } finally {
        store.busy.delete(temporary);
      }
    },
  };
}

async function createIngest(store: Store, path: string, algorithm: DigestAlgorithm): Promise<Ingest> {
  store.busy.add(path);
  const file = await open(path, "wx", 0o600).catch((error: unknown) => {
    store.busy.delete(path);
    throw error;
  });
  const digester = createDigestStream(algorithm);
  let sizeBytes = 0;
  let closed = false;
  let hashed = true;
  const close = async () => {
    if (closed) return;
    closed = true;
    await file.close();
  };
  const abort = async () => {
    await close();
    await rm(path, { force: true });
    store.busy.delete(path);
  };
  return {
    path,
    get sizeBytes() {
      return sizeBytes;
    },
    abort,
    async write(bytes) {
      // A batch comes from someone who hashes elsewhere.
      const batch = Array.isArray(bytes) ? bytes : [bytes];
      hashed &&= !Array.isArray(bytes);
      if (hashed) for (const piece of batch) digester.update(piece);
      for (const piece of batch) sizeBytes += piece.length;
      await writeAll(file, batch);
    },
    async commit(expected = {}) {
      try {
        if (!hashed)
          throw new EngineError("internal", "a blob that was written in batches must be verified by its writer");
        const actual = { digest: digester.digest(), sizeBytes };
        checkExpected(actual, expected);
        return await publish(store, { file, path, close }, actual);
      } catch (error) {
        await abort();
        throw error;
      }
    },
    async commitVerified(actual) {
      try {
        return await publish(store, { file, path, close }, actual);
      } catch (error) {
        await abort();
        throw error;
      }
    },
  };
}

/** A file that is all written. */
export interface Written {
  file: FileHandle;
  path: string;
  close(): Promise<void>;
}

/** Durable before it is visible: a blob under its name is whole, whatever happens. */
async function publish(store: Store, written: Written, actual: Expected): Promise<Blob> {
  const path = blobPath(store.root, actual.digest);
  const blob = { ...actual, path };
  if (store.sizes.has(actual.digest)) {
    await written.close();
    await rm(written.path, { force: true });
    store.busy.delete(written.path);
    return blob;
  }
  await written.file.chmod(READ_ONLY);
  await written.file.sync();
  await written.close();
  store.busy.add(path);
  await rename(written.path, path);
  store.sizes.set(actual.digest, actual.sizeBytes);
  store.busy.delete(path);
  store.busy.delete(written.path);
  await syncDirectory(blobDirectory(store.root, algorithmOf(actual.digest)));
  return blob;
}

function checkExpected(actual: Expected, expected: Partial<Expected>): void {
  if (expected.sizeBytes !== undefined && expected.sizeBytes !== actual.sizeBytes) {
    throw invalid(`unexpected size ${actual.sizeBytes}, expected ${expected.sizeBytes}`);
  }
  if (expected.digest !== undefined && expected.digest !== actual.digest) {
    throw invalid(`unexpected digest ${actual.digest}, expected ${expected.digest}`);
  }
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, "r");
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
