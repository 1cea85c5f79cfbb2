import { readFileSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { type Digest, parseDigest } from "../../../formats/oci/digest.ts";
import { isErrno, removeFile, syncDirectory, touch, unlessMissing, writeDurably } from "./files.ts";
import type { Layout } from "./layout.ts";

/** Names of manifests: one small file each, which holds a digest. */
export interface Tags {
  get(repository: string, tag: string): Digest | undefined;
  set(repository: string, tag: string, digest: Digest): Promise<void>;
  /** False: it was not there. */
  remove(repository: string, tag: string): Promise<boolean>;
  /** In the order of their code units. */
  list(repository: string): Promise<string[]>;
  /** Tags of a manifest. */
  of(repository: string, digest: Digest): Promise<string[]>;
  /** Marks it as asked for just now (of a mirror, which forgets what nobody asks for). */
  use(repository: string, tag: string): void;
}

export function createTags(layout: Layout): Tags {
  const pathOf = (repository: string, tag: string) => join(layout.tags(repository), tag);
  const get: Tags["get"] = (repository, tag) => {
    const text = unlessMissing(() => readFileSync(pathOf(repository, tag), "latin1"));
    return text === undefined ? undefined : parseDigest(text.trim());
  };
  const list = async (repository: string) => {
    try {
      return (await readdir(layout.tags(repository))).sort();
    } catch (error) {
      if (isErrno(error, "ENOENT")) return [];
      throw error;
    }
  };
  return {
    get,
    list,
    set: (repository, tag, digest) =>
      writeDurably(layout.temporary, pathOf(repository, tag), Buffer.from(`${digest}\n`)),
    async remove(repository, tag) {
      const removed = await removeFile(pathOf(repository, tag));
      if (removed) await syncDirectory(layout.tags(repository));
      return removed;
    },
    of: async (repository, digest) => (await list(repository)).filter((tag) => get(repository, tag) === digest),
    use: (repository, tag) => void touch(pathOf(repository, tag)),
  };
}
