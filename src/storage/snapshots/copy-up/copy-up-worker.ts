import { messageOf } from "../../../base/errors.ts";
import { confineThreadToOverlay } from "../../../kernel/confine.ts";
import { copyTree } from "../../../kernel/copy-tree.ts";
import {
  AT_FDCWD,
  closeFd,
  O_DIRECTORY,
  O_NOFOLLOW,
  O_RDONLY,
  openAt,
  RESOLVE_IN_ROOT,
  RESOLVE_NO_MAGICLINKS,
  setUmask,
  tryOpenAt2,
} from "../../../kernel/files.ts";
import { names } from "../../../kernel/trees.ts";
import type { CopyUpReply, CopyUpRequest } from "./copy-up.ts";

declare const self: Worker;

self.onmessage = ({ data }: MessageEvent<CopyUpRequest>) => {
  try {
    postMessage({ copied: perform(data) } satisfies CopyUpReply);
  } catch (error) {
    postMessage({ error: messageOf(error) } satisfies CopyUpReply);
  }
};

function perform({ overlay, path, destination }: CopyUpRequest): boolean {
  const target = openAt(AT_FDCWD, destination, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  try {
    if (names(target).length > 0) return false;
    confineThreadToOverlay(overlay);
    setUmask(0);
    const source = tryOpenAt2(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
    if (source < 0) return false;
    try {
      copyTree(source, target);
      return true;
    } finally {
      closeFd(source);
    }
  } finally {
    closeFd(target);
  }
}
