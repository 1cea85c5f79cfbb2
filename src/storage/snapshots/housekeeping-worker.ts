import { messageOf } from "../../base/errors.ts";
import { AT_FDCWD, closeFd, O_DIRECTORY, openAt, syncFileSystem } from "../../kernel/files.ts";
import { removeContents, treeUsage } from "../../kernel/trees.ts";
import type { HousekeepingReply, HousekeepingRequest } from "./housekeeper.ts";

declare const self: Worker;

self.onmessage = ({ data }: MessageEvent<HousekeepingRequest>) => {
  postMessage(answer(data));
};

function answer({ id, operation, directory }: HousekeepingRequest): HousekeepingReply {
  try {
    return { id, value: perform(operation, directory) };
  } catch (error) {
    return { id, error: messageOf(error) };
  }
}

function perform(operation: HousekeepingRequest["operation"], directory: string): number {
  const fd = openAt(AT_FDCWD, directory, O_DIRECTORY);
  try {
    switch (operation) {
      case "sweep":
        removeContents(fd);
        return 0;
      case "usage":
        return treeUsage(fd);
      case "sync":
        syncFileSystem(fd);
        return 0;
    }
  } finally {
    closeFd(fd);
  }
}
