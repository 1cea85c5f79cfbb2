import { lstatSync, readFileSync } from "node:fs";
import { posix } from "node:path";

/** Of each; what is larger is asked for. */
const MAX_BYTES = 64 * 1024;

/**
 * The files that a build asks for first, by their paths in the context: the Dockerfile and what it may be accompanied by. Sent with the
 * request they save a question. base64; null: it is not there. undefined where a link or a directory is on the way: the daemon decides
 * then what is meant.
 */
export function firstFiles(root: string, fileName: string): Record<string, string | null> | undefined {
  if (fileName.includes("/")) return undefined;
  const lowerCase = posix.basename(fileName) === "Dockerfile" ? ["dockerfile"] : [];
  const known: Record<string, string | null> = {};
  for (const name of [fileName, ...lowerCase, `${fileName}.dockerignore`, ".dockerignore"]) {
    const path = `${root}/${name}`;
    const status = lstatSync(path, { throwIfNoEntry: false });
    if (status !== undefined && (!status.isFile() || status.size > MAX_BYTES)) return undefined;
    known[name] = status === undefined ? null : readFileSync(path).toString("base64");
  }
  return known;
}
