import { messageOf } from "../../base/errors.ts";
import { AT_FDCWD, closeFd, O_DIRECTORY, openAt, syncFileSystem } from "../../kernel/files.ts";
import { surveyTree, treeUsage } from "../../kernel/survey.ts";
import { names, openIfDirectory, removeTree } from "../../kernel/trees.ts";
import type { HousekeepingMessage, HousekeepingReply, HousekeepingRequest, HousekeepingResult } from "./housekeeper.ts";

declare const self: Worker;

self.onmessage = ({ data }: MessageEvent<HousekeepingMessage>) => {
  postMessage(answer(data));
};

function answer({ id, request }: HousekeepingMessage): HousekeepingReply {
  try {
    return { id, result: perform(request) };
  } catch (error) {
    return { id, error: messageOf(error) };
  }
}

function perform(request: HousekeepingRequest): HousekeepingResult {
  const fd = openAt(AT_FDCWD, request.directory, O_DIRECTORY);
  try {
    switch (request.operation) {
      case "sweep":
        return { freed: sweep(fd) };
      case "usage":
        return { bytes: treeUsage(fd) };
      case "survey":
        return { rows: surveyTree(fd, request.rules) };
      case "sync":
        syncFileSystem(fd);
        return {};
    }
  } finally {
    closeFd(fd);
  }
}

/** One that cannot be deleted does not keep the others. A layer's own record is not counted, as in its size. */
function sweep(top: number): Record<string, number> {
  const freed: Record<string, number> = {};
  let failure: { error: unknown } | undefined;
  for (const name of names(top)) {
    let bytes = 0;
    try {
      removeDirectories(top, name, (count) => {
        bytes += count;
      });
      removeTree(top, name);
    } catch (error) {
      failure ??= { error };
    }
    freed[name.toString()] = bytes;
  }
  if (failure !== undefined) throw failure.error;
  return freed;
}

/** All that is in directories of `name`. */
function removeDirectories(top: number, name: Buffer, onFreed: (bytes: number) => void): void {
  const directory = openIfDirectory(top, name);
  if (directory === undefined) return;
  try {
    for (const inner of names(directory)) removeTree(directory, inner, onFreed);
  } finally {
    closeFd(directory);
  }
}
