import {
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { open, rm } from "node:fs/promises";
import { join } from "node:path";
import { EngineError, invalid } from "../../base/errors.ts";
import { KeyedQueue } from "../../base/keyed-queue.ts";
import { createDigestStream, digestOf } from "../../formats/oci/digest.ts";
import { ConnectionError, connectionError } from "../../registry/client/connection-error.ts";
import { discard, exchange } from "../../registry/client/http.ts";
import { withoutCredentials } from "../outputs/attestations/without-credentials.ts";
import type { KeptContext } from "../contexts/contexts.ts";
import { keptId, namedBy } from "./kept-names.ts";
import { oldestNames } from "./oldest-names.ts";
import { refuseLinkLocal } from "./public-address.ts";

/** Of one file; a disk that is full before says so itself. */
const MAX_FILE_BYTES = 128 * 2 ** 30;
/** Without a byte for so long the connection is given up. */
const STALL_MS = 60_000;
/** Files that are kept for the next build; those that were used longest ago go. */
const MAX_KEPT = 100;
const META_SUFFIX = ".json";

interface Meta {
  url: string;
  digest: string;
  sizeBytes: number;
  etag: string;
  lastModified: string;
}

/** What a URL gave. */
export interface Fetched {
  digest: string;
  sizeBytes: number;
  modifiedNs: bigint;
}

export interface FetchOptions {
  /** A new name for the file, on the same file system. The file never changes: mode 0600, its time the server's, or that of 1970. */
  target: string;
  /** The only digest that will do: what is here already is not asked for again. */
  checksum: string | undefined;
  /** Value of `Authorization`; "": none. */
  authorization: string;
  onBytes: (count: number) => void;
  signal: AbortSignal;
}

export interface HttpStore {
  /**
   * The file at an http or https URL. One that the server says is unchanged is not sent again. Throws invalid-argument for another
   * digest, forbidden for link-local servers, unavailable where the server does not give it.
   */
  fetch(url: string, options: FetchOptions): Promise<Fetched>;
  /** What is kept. What layers and builds share with it takes nothing here. */
  list(): KeptContext[];
  /** Throws not-found, or conflict while it is being fetched. */
  remove(id: string): Promise<void>;
}

export function createHttpStore(root: string): HttpStore {
  mkdirSync(root, { recursive: true, mode: 0o700 });
  for (const name of readdirSync(root)) if (name.includes(".partial-")) rmSync(join(root, name), { force: true });
  const queue = new KeyedQueue();
  return {
    fetch: (url, options) => {
      const name = digestOf(url).slice("sha256:".length);
      return queue.run(name, async () => {
        const path = join(root, name);
        const meta = await fetchFile({ root, path, url }, options);
        // Now, while nobody can replace it.
        linkSync(path, options.target);
        const { size, mtimeNs } = statSync(path, { bigint: true });
        return { digest: meta.digest, sizeBytes: Number(size), modifiedNs: mtimeNs };
      });
    },
    list: () =>
      keptNames(root).flatMap((name) => {
        const meta = readMeta(join(root, name));
        if (meta === undefined) return [];
        const file = statSync(join(root, name));
        const { birthtime, mtime } = statSync(join(root, name + META_SUFFIX));
        return {
          id: keptId(name),
          description: `http url ${withoutCredentials(meta.url)}`,
          sizeBytes: file.nlink === 1 ? file.size : 0,
          inUse: queue.has(name),
          createdAt: birthtime,
          lastUsedAt: mtime,
        };
      }),
    async remove(id) {
      const name = namedBy(keptNames(root), id, queue);
      // Without its description the file is nobody's.
      await queue.run(name, async () => {
        for (const suffix of [META_SUFFIX, ""]) rmSync(join(root, name + suffix), { force: true });
      });
    },
  };
}

function keptNames(root: string): string[] {
  return readdirSync(root).flatMap((name) => {
    const kept = /^([0-9a-f]{64})\.json$/.exec(name)?.[1];
    return kept === undefined ? [] : [kept];
  });
}

interface Place {
  root: string;
  path: string;
  url: string;
}

let partials = 0;

async function fetchFile(place: Place, options: FetchOptions): Promise<Meta> {
  const { path } = place;
  const known = readMeta(path);
  if (known !== undefined && options.checksum === known.digest) return used(path, known);
  const request = { method: "GET", url: place.url };
  const stalled = new AbortController();
  const response = await exchange({
    ...request,
    headers: {
      "User-Agent": "gantry",
      ...(options.authorization === "" ? {} : { Authorization: options.authorization }),
      ...(known !== undefined && known.etag !== "" ? { "If-None-Match": known.etag } : {}),
      ...(known !== undefined && known.lastModified !== "" ? { "If-Modified-Since": known.lastModified } : {}),
    },
    tls: { ca: [], insecure: false },
    admit: refuseLinkLocal,
    signal: AbortSignal.any([options.signal, stalled.signal]),
  });
  if (response.status === 304 && known !== undefined) {
    await discard(response);
    checkDigest(known.digest, options.checksum);
    return used(path, known);
  }
  if (response.status < 200 || response.status >= 300 || response.body === null) {
    await discard(response);
    throw new EngineError("unavailable", `invalid response status ${response.status}`);
  }
  return receive({ ...place, request, response, stalled }, options);
}

interface Receiving extends Place {
  request: { method: string; url: string };
  response: Response;
  stalled: AbortController;
}

async function receive(receiving: Receiving, options: FetchOptions): Promise<Meta> {
  const { root, url, path, response } = receiving;
  const partial = `${path}.partial-${++partials}`;
  try {
    const { digest, sizeBytes } = await write(receiving, partial, options);
    checkDigest(digest, options.checksum);
    const lastModified = response.headers.get("last-modified") ?? "";
    const modified = new Date(Number.isNaN(Date.parse(lastModified)) ? 0 : Date.parse(lastModified));
    const meta: Meta = { url, digest, sizeBytes, etag: response.headers.get("etag") ?? "", lastModified };
    chmodSync(partial, 0o600);
    utimesSync(partial, modified, modified);
    // The description goes first: between the two renames there is no description of another file.
    rmSync(`${path}${META_SUFFIX}`, { force: true });
    renameSync(partial, path);
    writeFileSync(`${partial}${META_SUFFIX}`, JSON.stringify(meta), { mode: 0o600 });
    renameSync(`${partial}${META_SUFFIX}`, `${path}${META_SUFFIX}`);
    // Builds that use one have a name of their own for it.
    for (const old of oldestNames(root, /\.json$/, MAX_KEPT)) {
      await rm(join(root, old), { force: true });
      await rm(join(root, old.slice(0, -META_SUFFIX.length)), { force: true });
    }
    return meta;
  } finally {
    await rm(partial, { force: true });
  }
}

async function write({ request, response, stalled }: Receiving, path: string, options: FetchOptions) {
  const file = await open(path, "wx", 0o600);
  const hash = createDigestStream();
  const total = Number(response.headers.get("content-length") ?? "0");
  let timer = setTimeout(() => stalled.abort(), STALL_MS);
  try {
    for await (const bytes of response.body as AsyncIterable<Uint8Array>) {
      clearTimeout(timer);
      hash.update(bytes);
      if (hash.sizeBytes > MAX_FILE_BYTES) throw new ConnectionError(request, `larger than ${MAX_FILE_BYTES} bytes`);
      await file.writeFile(bytes);
      options.onBytes(bytes.length);
      timer = setTimeout(() => stalled.abort(), STALL_MS);
    }
    // What is known of the file is believed after a power cut, too.
    await file.datasync();
  } catch (error) {
    options.signal.throwIfAborted();
    if (stalled.signal.aborted) throw new ConnectionError(request, "the connection stalled", error);
    if ((error as { code?: string }).code === "ENOSPC") throw new EngineError("internal", "no space left on device");
    throw error instanceof EngineError ? error : connectionError(request, error);
  } finally {
    clearTimeout(timer);
    await file.close();
  }
  if (hash.sizeBytes < total) throw new ConnectionError(request, "unexpected EOF");
  return { digest: hash.digest(), sizeBytes: hash.sizeBytes };
}

function checkDigest(digest: string, checksum: string | undefined): void {
  if (checksum === undefined || checksum === digest) return;
  throw invalid(`digest mismatch ${digest}: ${checksum}`);
}

function readMeta(path: string): Meta | undefined {
  if (!existsSync(path) || !existsSync(`${path}${META_SUFFIX}`)) return undefined;
  try {
    const meta: Meta = JSON.parse(readFileSync(`${path}${META_SUFFIX}`, "utf8"));
    // After a power cut a file may be shorter than it was.
    return meta.sizeBytes === statSync(path).size ? meta : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** The description's time says when the file was used last. */
function used(path: string, meta: Meta): Meta {
  const now = new Date();
  utimesSync(`${path}${META_SUFFIX}`, now, now);
  return meta;
}
