import { readSync } from "node:fs";
import { EngineError, invalid } from "../../base/errors.ts";
import { matchTokens, parseGlob } from "../../formats/dockerignore/glob.ts";
import { closeFd, type FileStatus, readLinkAt, statFd } from "../../kernel/files.ts";
import type { ResultEntry } from "../builder.ts";
import type { FilesReply, Question } from "./files-request.ts";
import { LayeredSource } from "./layered-source.ts";
import { lookUp, type OpenDirectory, statusOf } from "./layered-tree.ts";
import { entryOf, typeOf } from "./scan-tree.ts";
import { components, follow, notRegular } from "./selection.ts";

/** Of an answer: gRPC's clients take messages of 16 MiB. */
const MAX_READ_BYTES = (16 << 20) - 4096;
const MAX_NAMES = 50_000;

/** Answers one question about a tree. Synchronous: for workers. */
export function look(
  tree: LayeredSource,
  question: Question,
): Extract<FilesReply, { content: unknown } | { entries: unknown }> {
  const { path } = question;
  const real = follow(tree, components(path));
  if (real === undefined)
    throw new EngineError("not-found", `lstat /${components(path).join("/")}: no such file or directory`);
  switch (question.ask) {
    case "read":
      return { content: read(tree, real, question) };
    case "list":
      return { entries: listed(tree, real, question.pattern) };
    case "stat":
      return { entries: listOf(described(tree, real, components(path).at(-1) ?? "/")) };
  }
}

function read(
  tree: LayeredSource,
  path: string,
  { offsetBytes, lengthBytes }: Extract<Question, { ask: "read" }>,
): Uint8Array<ArrayBuffer> {
  const fd = tree.openFile(path);
  if (fd === undefined) throw notRegular(`/${path}`);
  try {
    const left = Math.max(0, statFd(fd).sizeBytes - offsetBytes);
    const bytes = Math.min(left, lengthBytes ?? left);
    if (bytes > MAX_READ_BYTES) throw invalid(`/${path} is larger than ${MAX_READ_BYTES} bytes: read a range of it`);
    const buffer = new Uint8Array(bytes);
    let count = 0;
    for (let more = 1; more > 0 && count < bytes; count += more) {
      more = readSync(fd, buffer, count, bytes - count, offsetBytes + count);
    }
    return buffer.slice(0, count);
  } finally {
    closeFd(fd);
  }
}

function listed(tree: LayeredSource, path: string, pattern: string | undefined): ResultEntry[] {
  if (path !== "" && tree.stat(path)?.kind !== "directory") throw invalid(`/${path} is not a directory`);
  const tokens = pattern === undefined ? undefined : parseGlob(pattern);
  const names = tree.names(path).filter((name) => tokens === undefined || matchTokens(tokens, name));
  if (names.length > MAX_NAMES) throw invalid(`/${path} holds more than ${MAX_NAMES} names`);
  return names.flatMap((name) => listOf(described(tree, path === "" ? name : `${path}/${name}`, name)));
}

function listOf<T>(value: T | undefined): T[] {
  return value === undefined ? [] : [value];
}

/** `path` is real: what it names is no link that would have to be followed. undefined: nothing that a tree has. */
function described(tree: LayeredSource, path: string, name: string): ResultEntry | undefined {
  if (path === "") return entry(statusOf(tree.root), { name, linkName: "" });
  return tree.inParent(path, (directory: OpenDirectory, own) => {
    const found = lookUp(directory, own);
    if (found === undefined) return undefined;
    const linkName = typeOf(found.status) === "symlink" ? readLinkAt(found.part.fd, own).toString() : "";
    return entry(found.status, { name, linkName });
  });
}

function entry(status: FileStatus, { name, linkName }: { name: string; linkName: string }): ResultEntry | undefined {
  const type = typeOf(status);
  if (type === undefined) return undefined;
  const { mode, uid, gid, sizeBytes, modifiedNs, deviceMajor, deviceMinor } = entryOf(name, type, status);
  return { name, type, mode, uid, gid, sizeBytes, modifiedNs, linkName, deviceMajor, deviceMinor };
}
