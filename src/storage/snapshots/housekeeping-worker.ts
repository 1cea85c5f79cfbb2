import { messageOf } from "../../base/errors.ts";
import { AT_FDCWD, closeFd, O_DIRECTORY, openAt, syncFileSystem } from "../../kernel/files.ts";
import { surveyTree, treeUsage } from "../../kernel/survey.ts";
import { removeContents } from "../../kernel/trees.ts";
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
        removeContents(fd);
        return {};
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
