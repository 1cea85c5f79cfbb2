import { errorToValue } from "../../../base/error-value.ts";
import { EngineError, invalid } from "../../../base/errors.ts";
import { createTarParser, type TarParser } from "../../../formats/tar/parser.ts";
import { ENOENT, ENOSPC, EROFS, ESRCH, errnoName, SystemError } from "../../../kernel/errno.ts";
import {
  closeFd,
  O_DIRECTORY,
  O_PATH,
  O_RDONLY,
  S_IFDIR,
  S_IFMT,
  setUmask,
  statFd,
  tryOpenInRoot,
} from "../../../kernel/files.ts";
import { isOfKernel } from "../../../kernel/kernel-file-systems.ts";
import { type EnteredView, enterRootView } from "../../../kernel/root-view.ts";
import { noSuchFile } from "../pack/path-status.ts";
import type { ExtractOrder, ExtractReply, ExtractRequest } from "./extract.ts";
import { Placer } from "./placer.ts";

declare const self: Worker;

interface Session {
  entered: EnteredView;
  top: number;
  placer: Placer;
  parser: TarParser;
  onRoot: boolean;
}

let session: Session | undefined;

self.onmessage = ({ data }: MessageEvent<ExtractOrder>) => {
  postMessage(answer(data));
};

/** A failure ends the session: everything is closed before it is told. */
function answer(order: ExtractOrder): ExtractReply {
  try {
    perform(order);
    return { done: true };
  } catch (error) {
    const value = errorToValue(explain(error));
    end();
    return { failed: value };
  }
}

function perform(order: ExtractOrder): void {
  if ("begin" in order) session = begin(order.begin);
  else if ("bytes" in order) session?.parser.push(order.bytes);
  else if ("cancel" in order) end();
  else {
    session?.parser.end();
    session?.placer.finish();
    end();
  }
}

function begin(request: ExtractRequest): Session {
  const entered = enterRootView(request.view, { writable: true });
  let top = -1;
  try {
    setUmask(0);
    top = openTop(entered.root, request.path);
    const onRoot = statFd(top).onDevice === statFd(entered.root).onDevice;
    if (onRoot && request.readOnlyRoot) throw readOnly(true);
    const placer = new Placer(top, request);
    return { entered, top, placer, parser: createTarParser(placer, { mayEndInPadding: true }), onRoot };
  } catch (error) {
    if (top >= 0) closeFd(top);
    entered.leave();
    throw error;
  }
}

function openTop(root: number, path: string): number {
  const fd = tryOpenInRoot(root, path, O_PATH);
  if (fd === -ENOENT) throw noSuchFile(path);
  if (fd < 0) throw invalid(`lstat ${path}: ${errnoName(-fd)}`);
  try {
    if (isOfKernel(fd)) throw noSuchFile(path);
    if ((statFd(fd).mode & S_IFMT) !== S_IFDIR) throw invalid("extraction point is not a directory");
  } finally {
    closeFd(fd);
  }
  const top = tryOpenInRoot(root, path, O_RDONLY | O_DIRECTORY);
  if (top < 0) throw noSuchFile(path);
  return top;
}

function end(): void {
  const ended = session;
  session = undefined;
  if (ended === undefined) return;
  ended.placer.abandon();
  closeFd(ended.top);
  ended.entered.leave();
}

function explain(error: unknown): unknown {
  if (!(error instanceof SystemError)) return error;
  if (error.errno === EROFS) return readOnly(session?.onRoot ?? false);
  if (error.errno === ENOSPC) return new Error("no space left on device");
  if (error.errno === ESRCH) return new EngineError("unavailable", "the container has ended");
  return error;
}

function readOnly(onRoot: boolean): EngineError {
  return new EngineError(
    "forbidden",
    onRoot ? "container rootfs is marked read-only" : "mounted volume is marked read-only",
  );
}
