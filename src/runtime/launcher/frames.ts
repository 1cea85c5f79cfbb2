import type { AttachRequest, Exit } from "./launcher.ts";

/** The launcher's control socket, see native/launcher/clients.c: frames of [type,0,0,0, length u32 BE] and a payload. */
export const HEADER_BYTES = 8;
/** More than the launcher ever sends in one event. */
export const MAX_EVENT_BYTES = 4096;

const REQUEST = { attach: 1, events: 2, resize: 3, signal: 4, closeStdin: 5 } as const;
const EVENT = { started: 16, failed: 17, warning: 18, oom: 19, exited: 20, answer: 21 } as const;

/** The launcher's number for "not an operation of the plan". */
const NO_OPERATION = 0xffff_ffff;

export type LauncherEvent =
  | { type: "started"; pid: number; startTicks: bigint; startedAt: Date }
  | { type: "failed"; operation: number | undefined; errno: number; detail: string }
  | { type: "warning"; operation: number | undefined; errno: number }
  | { type: "oom" }
  | { type: "exited"; exit: Exit; logDroppedBytes: bigint }
  | { type: "answer"; errno: number };

export function encodeAttach(request: AttachRequest): Buffer {
  const flags = (request.stdin ? 1 : 0) | (request.stdout ? 2 : 0) | (request.stderr ? 4 : 0);
  return frame(REQUEST.attach, Buffer.of(flags));
}

export function encodeEvents(): Buffer {
  return frame(REQUEST.events, Buffer.alloc(0));
}

export function encodeResize(rows: number, columns: number): Buffer {
  const payload = Buffer.alloc(8);
  payload.writeUInt32BE(rows, 0);
  payload.writeUInt32BE(columns, 4);
  return frame(REQUEST.resize, payload);
}

export function encodeSignal(signal: number): Buffer {
  const payload = Buffer.alloc(4);
  payload.writeUInt32BE(signal);
  return frame(REQUEST.signal, payload);
}

export function encodeCloseStdin(): Buffer {
  return frame(REQUEST.closeStdin, Buffer.alloc(0));
}

function frame(type: number, payload: Buffer): Buffer {
  const bytes = Buffer.alloc(HEADER_BYTES + payload.length);
  bytes[0] = type;
  bytes.writeUInt32BE(payload.length, 4);
  bytes.set(payload, HEADER_BYTES);
  return bytes;
}

/** Splits a byte stream into events. Throws on what no launcher sends: the connection is of no use then. */
export class EventReader {
  #rest = Buffer.alloc(0);

  push(bytes: Uint8Array): LauncherEvent[] {
    this.#rest = this.#rest.length === 0 ? Buffer.from(bytes) : Buffer.concat([this.#rest, bytes]);
    const events: LauncherEvent[] = [];
    while (this.#rest.length >= HEADER_BYTES) {
      const end = HEADER_BYTES + this.#rest.readUInt32BE(4);
      if (end > MAX_EVENT_BYTES) throw new Error("a launcher event that is too long");
      if (this.#rest.length < end) break;
      events.push(decodeEvent(this.#rest.readUInt8(0), this.#rest.subarray(HEADER_BYTES, end)));
      this.#rest = this.#rest.subarray(end);
    }
    return events;
  }
}

function decodeEvent(type: number, payload: Buffer): LauncherEvent {
  switch (type) {
    case EVENT.started:
      return {
        type: "started",
        pid: payload.readUInt32BE(0),
        startTicks: payload.readBigUInt64BE(4),
        startedAt: fromNanoseconds(payload.readBigUInt64BE(12)),
      };
    case EVENT.failed:
      return {
        type: "failed",
        operation: operationIndex(payload.readUInt32BE(0)),
        errno: payload.readUInt32BE(4),
        detail: payload.toString("utf8", 8),
      };
    case EVENT.warning:
      return { type: "warning", operation: operationIndex(payload.readUInt32BE(0)), errno: payload.readUInt32BE(4) };
    case EVENT.oom:
      return { type: "oom" };
    case EVENT.exited:
      return {
        type: "exited",
        exit: {
          code: payload.readUInt32BE(0),
          signal: payload.readUInt32BE(4),
          oomKilled: payload.readUInt32BE(8) !== 0,
          finishedAt: fromNanoseconds(payload.readBigUInt64BE(12)),
        },
        logDroppedBytes: payload.readBigUInt64BE(20),
      };
    case EVENT.answer:
      return { type: "answer", errno: payload.readUInt32BE(0) };
    default:
      throw new Error(`a launcher event of unknown type ${type}`);
  }
}

function operationIndex(index: number): number | undefined {
  return index === NO_OPERATION ? undefined : index;
}

export function fromNanoseconds(nanoseconds: bigint): Date {
  return new Date(Number(nanoseconds / 1_000_000n));
}
