import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import type { MessageStream } from "../../wire/build-channel.ts";
import type { WireBuildRequest, WireCacheSpec } from "../../wire/build-messages.ts";
import { MAX_DATA_BYTES } from "../../wire/build-stream.ts";
import { absolutePath } from "../absolute-path.ts";

/** OCI layouts of the user's that a build reads and writes, blob by blob: caches of type local, and contexts. */
export interface CacheDirectories {
  /** Caches that are not used, and why. */
  notes: string[];
  has(layout: string, digest: string): boolean;
  send(layout: string, digest: string, stream: MessageStream): Promise<void>;
  /** Verified before it gets its name. */
  take(layout: string, digest: string, stream: MessageStream): Promise<void>;
  /** Writes what the build made of them into their indexes. `manifest`: of the answer, JSON of a descriptor. */
  finish(manifest: string | undefined): void;
}

interface Descriptor {
  mediaType?: string;
  digest: string;
  size?: number;
  annotations?: Record<string, string>;
}

const REF_NAME = "org.opencontainers.image.ref.name";
const DEFAULT_TAG = "latest";
const DIGEST = /^sha256:([0-9a-f]{64})$/;

/**
 * Those that a request names. Paths in it become absolute, and where a cache comes from its manifest is looked up in `index.json`, as
 * the daemon does not see it; a cache that is not there is left out. @see BuildKit client/solve.go `parseCacheOptions`
 */
export function openCacheDirectories(workingDir: string, request: WireBuildRequest): CacheDirectories {
  const notes: string[] = [];
  /** May be read, or written. */
  const [readable, writable] = [new Set<string>(), new Set<string>()];
  request.CacheFrom = request.CacheFrom.filter(({ Type, Attributes }) => {
    if (Type !== "local") return true;
    const path = absolutePath(workingDir, Attributes["src"] ?? "");
    Attributes["src"] = path;
    const digest = Attributes["digest"] ?? manifestOf(path, Attributes["tag"] ?? DEFAULT_TAG);
    if (digest === undefined) notes.push(`there is no cache in ${path}, going on without`);
    else Attributes["digest"] = digest;
    readable.add(path);
    return digest !== undefined;
  });
  for (const source of Object.values(request.NamedContexts)) {
    if (source.Kind === "layout") readable.add(source.Store.replace(/^oci:/, ""));
  }
  const targets = request.CacheTo.filter(({ Type }) => Type === "local");
  for (const { Attributes } of targets) {
    const path = absolutePath(workingDir, Attributes["dest"] ?? "");
    Attributes["dest"] = path;
    writable.add(path);
  }
  const pathOf = (allowed: Set<string>, layout: string, digest: string) => {
    const [directory, name] = [layout.replace(/^(local|oci):/, ""), DIGEST.exec(digest)?.[1]];
    if (!allowed.has(directory) || name === undefined) throw new Error(`no blob ${digest} of ${layout} was offered`);
    return { blobs: `${directory}/blobs/sha256`, path: `${directory}/blobs/sha256/${name}` };
  };
  return {
    notes,
    has: (layout, digest) => existsSync(pathOf(new Set([...readable, ...writable]), layout, digest).path),
    send: (layout, digest, stream) => sendFile(pathOf(readable, layout, digest).path, stream),
    take: (layout, digest, stream) => takeFile(pathOf(writable, layout, digest), digest, stream),
    finish(manifest) {
      if (manifest === undefined) return;
      for (const { Attributes } of targets) writeIndex(Attributes, JSON.parse(manifest) as Descriptor);
    },
  };
}

/** Of `index.json`. undefined: there is none of that tag. */
export function manifestOf(path: string, tag: string): string | undefined {
  const named = readIndex(path).find(({ annotations }) => annotations?.[REF_NAME] === tag);
  return named?.digest;
}

/** Manifests of an index; none where there is no index that can be read. */
function readIndex(path: string): Descriptor[] {
  try {
    const { manifests } = JSON.parse(readFileSync(`${path}/index.json`, "utf8")) as { manifests?: Descriptor[] };
    return manifests ?? [];
  } catch {
    return [];
  }
}

/** The new manifest takes the place of the one with its tag; others stay. */
function writeIndex(attributes: WireCacheSpec["Attributes"], manifest: Descriptor): void {
  const path = attributes["dest"] ?? "";
  const tag = attributes["tag"] ?? DEFAULT_TAG;
  const others = readIndex(path).filter(({ annotations }) => annotations?.[REF_NAME] !== tag);
  const manifests = [...others, { ...manifest, annotations: { ...manifest.annotations, [REF_NAME]: tag } }];
  mkdirSync(path, { recursive: true });
  writeFileSync(`${path}/oci-layout`, JSON.stringify({ imageLayoutVersion: "1.0.0" }));
  const mediaType = "application/vnd.oci.image.index.v1+json";
  writeFileSync(`${path}/index.json.new`, JSON.stringify({ schemaVersion: 2, mediaType, manifests }));
  renameSync(`${path}/index.json.new`, `${path}/index.json`);
}

async function sendFile(path: string, stream: MessageStream): Promise<void> {
  const fd = openSync(path, "r");
  try {
    const chunk = new Uint8Array(MAX_DATA_BYTES);
    for (let count = readSync(fd, chunk); count > 0; count = readSync(fd, chunk)) {
      await stream.send(chunk.subarray(0, count));
    }
  } finally {
    closeSync(fd);
  }
}

async function takeFile(
  { blobs, path }: { blobs: string; path: string },
  digest: string,
  stream: MessageStream,
): Promise<void> {
  mkdirSync(blobs, { recursive: true });
  const partial = `${path}.${process.pid}.partial`;
  const hasher = new Bun.CryptoHasher("sha256");
  const fd = openSync(partial, "w");
  try {
    for await (const bytes of stream) {
      hasher.update(bytes);
      for (let done = 0; done < bytes.byteLength; ) done += writeSync(fd, bytes, done);
    }
    if (`sha256:${hasher.digest("hex")}` !== digest) throw new Error(`blob ${digest} is not what was sent`);
    renameSync(partial, path);
  } finally {
    closeSync(fd);
    rmSync(partial, { force: true });
  }
}
