import { lutimesSync, mkdirSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { encodeEnd, packFile } from "../../src/formats/tar/packer.ts";

export type PeerName = "classic" | "buildkit" | "buildah";

/** One Dockerfile with its context, and who else builds it to the same result. */
export interface BuildCase {
  name: string;
  dockerfile: string;
  /** Files of the context, beside those that all cases have. */
  files?: Record<string, ContextFile>;
  flags?: string[];
  /** Default: Docker's two builders. */
  peers?: PeerName[];
}

export type ContextFile =
  | string
  | { content: string; mode: number }
  | { link: string }
  /** A tar archive of these files, compressed if it says so. */
  | { archive: Record<string, string>; gzip: boolean };

/** Of every file of a context: copies keep it. */
export const CONTEXT_TIME_S = 1_600_000_000;

export const EVERYBODY: PeerName[] = ["classic", "buildkit", "buildah"];
/** Where a third opinion adds nothing but time. */
export const DOCKER: PeerName[] = ["classic", "buildkit"];
/** Instructions of BuildKit's that its first builder does not know. */
export const BUILDKIT: PeerName[] = ["buildkit"];
/** Newer than Docker 20.10: only the golden result speaks for it. */
export const NOBODY: PeerName[] = [];

/** Every context has these; a case may replace or ignore them. */
const COMMON: Record<string, ContextFile> = {
  "hello.txt": "hello\n",
  "script.sh": { content: "#!/bin/sh\necho from the script\n", mode: 0o755 },
  "tree/a": "a\n",
  "tree/b.txt": "b\n",
  "tree/deep/er/c.txt": "c\n",
  "tree/link": { link: "a" },
};

export function writeContext(directory: string, { dockerfile, files = {} }: BuildCase): void {
  const all: Record<string, ContextFile> = { ...COMMON, ...files, Dockerfile: dockerfile };
  const directories = new Set<string>();
  for (const [name, file] of Object.entries(all)) {
    const path = join(directory, name);
    mkdirSync(dirname(path), { recursive: true });
    for (let parent = dirname(path); parent !== directory; parent = dirname(parent)) directories.add(parent);
    if (typeof file === "string") writeFileSync(path, file, { mode: 0o644 });
    else if ("link" in file) symlinkSync(file.link, path);
    else if ("archive" in file) writeFileSync(path, archiveOf(file), { mode: 0o644 });
    else writeFileSync(path, file.content, { mode: file.mode });
    lutimesSync(path, CONTEXT_TIME_S, CONTEXT_TIME_S);
  }
  for (const path of directories) utimesSync(path, CONTEXT_TIME_S, CONTEXT_TIME_S);
}

function archiveOf({ archive, gzip }: { archive: Record<string, string>; gzip: boolean }): Uint8Array {
  const modifiedAt = { seconds: BigInt(CONTEXT_TIME_S), nanoseconds: 0 };
  const members = Object.entries(archive).map(([name, content]) =>
    packFile({ name, mode: 0o640, modifiedAt }, Buffer.from(content)),
  );
  const bytes = Buffer.concat([...members, encodeEnd()]);
  return gzip ? gzipSync(bytes) : bytes;
}
