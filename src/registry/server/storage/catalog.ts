import type { Dirent } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { isErrno } from "./files.ts";
import { ALGORITHMS, type Layout } from "./layout.ts";

/** Every repository that ever got something, also those that hold only an unfinished upload. Unsorted. */
export async function allRepositories(layout: Layout): Promise<string[]> {
  const found: string[] = [];
  const visit = async (path: string, name: string): Promise<void> => {
    const folders = await foldersIn(path);
    if (folders.some((folder) => folder.startsWith("_"))) found.push(name);
    for (const folder of folders) {
      if (!folder.startsWith("_")) await visit(join(path, folder), name === "" ? folder : `${name}/${folder}`);
    }
  };
  await visit(layout.repositories, "");
  return found;
}

/** Repositories as users see them, in the order of their code units: those that have a manifest. */
export async function listRepositories(layout: Layout): Promise<string[]> {
  const listed: string[] = [];
  for (const name of await allRepositories(layout)) if (await hasManifest(layout, name)) listed.push(name);
  return listed.sort();
}

/** Whether somebody ever pushed to it: then an empty list is an answer, and no error. */
export async function hasManifest(layout: Layout, name: string): Promise<boolean> {
  for (const algorithm of ALGORITHMS) {
    if ((await entriesOf(layout.links(name, "_manifests", algorithm))).length > 0) return true;
  }
  return false;
}

export async function countBlobs(layout: Layout): Promise<number> {
  let count = 0;
  for (const algorithm of ALGORITHMS) count += (await entriesOf(layout.blobs(algorithm))).length;
  return count;
}

async function foldersIn(path: string): Promise<string[]> {
  return (await entriesOf(path)).filter((entry) => entry.isDirectory()).map((entry) => entry.name);
}

async function entriesOf(path: string): Promise<Dirent[]> {
  try {
    return await readdir(path, { withFileTypes: true });
  } catch (error) {
    if (isErrno(error, "ENOENT")) return [];
    throw error;
  }
}
