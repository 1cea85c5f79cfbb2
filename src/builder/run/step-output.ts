import { isDisconnect } from "../../runtime/launcher/connection.ts";
import type { Attachment } from "../../runtime/launcher/launcher.ts";
import type { BuildEvent } from "../events.ts";

/** What an error shows of the output. */
export const TAIL_BYTES = 4096;
const HEADER_BYTES = 8;

/** Where a step's output goes: to events, all of it (whoever keeps them has a limit), and the end of it is kept. */
export class StepOutput {
  readonly #report: (event: BuildEvent) => void;
  readonly #vertex: string;
  readonly #now: () => Date;
  #tail: Buffer = Buffer.alloc(0);

  constructor(target: { vertex: string; report: (event: BuildEvent) => void; now: () => Date }) {
    this.#report = target.report;
    this.#vertex = target.vertex;
    this.#now = target.now;
  }

  get tail(): string {
    return this.#tail.toString();
  }

  /** Reads a task's frames to their end. One chunk at a time: a task that writes faster than they are taken is held back. */
  async follow(attachment: Attachment): Promise<void> {
    let pending: Buffer = Buffer.alloc(0);
    try {
      for await (const chunk of attachment) {
        pending = this.#takeFrames(
          pending.length === 0 ? (chunk as Buffer) : Buffer.concat([pending, chunk as Buffer]),
        );
      }
    } catch (error) {
      if (!isDisconnect(error)) throw error;
    }
  }

  write(stream: 1 | 2, data: Uint8Array): void {
    if (data.length === 0) return;
    this.#tail = Buffer.concat([this.#tail, data.subarray(-TAIL_BYTES)]).subarray(-TAIL_BYTES);
    // A copy: the event may be kept for long, and the chunk is part of a larger buffer.
    this.#report({ kind: "log", vertex: this.#vertex, stream, data: Uint8Array.from(data), at: this.#now() });
  }

  /** Returns the frame that has not come whole yet: launchers send small ones. */
  #takeFrames(bytes: Buffer): Buffer {
    let at = 0;
    while (bytes.length - at >= HEADER_BYTES) {
      const end = at + HEADER_BYTES + bytes.readUInt32BE(at + 4);
      if (end > bytes.length) break;
      this.write(bytes[at] === 2 ? 2 : 1, bytes.subarray(at + HEADER_BYTES, end));
      at = end;
    }
    return bytes.subarray(at);
  }
}
