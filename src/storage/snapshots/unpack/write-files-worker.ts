import { messageOf } from "../../../base/errors.ts";
import { confineThread } from "../../../kernel/confine.ts";
import { setUmask } from "../../../kernel/files.ts";
import { FileSlots } from "./file-slots.ts";
import type { FileWriterReply, FileWriterRequest } from "./file-writers.ts";

declare const self: Worker;

self.onmessage = ({ data }: MessageEvent<FileWriterRequest>) => {
  try {
    work(data);
    postMessage({} satisfies FileWriterReply);
  } catch (error) {
    postMessage({ error: messageOf(error) } satisfies FileWriterReply);
  }
};

function work({ directory, shared }: FileWriterRequest): void {
  const slots = new FileSlots(shared);
  confineThread(directory);
  setUmask(0);
  slots.setReady();
  for (let slot = slots.nextFull(); slot !== undefined; slot = slots.nextFull()) {
    makeFiles(slots, slot);
  }
}

/** The other thread waits for a slot that is taken, whatever becomes of it. */
function makeFiles(slots: FileSlots, slot: number): void {
  try {
    slots.batches[slot]?.makeFiles();
  } catch (error) {
    slots.give(slot);
    throw error;
  }
  slots.done(slot);
}
