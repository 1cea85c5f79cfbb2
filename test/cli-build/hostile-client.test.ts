import { expect, test } from "bun:test";
import { connect, type Socket } from "node:net";
import {
  encodeFrame,
  encodeJson,
  FRAME,
  FrameReader,
  MAX_DATA_BYTES,
  WINDOW_BYTES,
} from "../../src/wire/build-stream.ts";
import { EntryPacker, WALK, type WalkEntry } from "../../src/wire/build-walk.ts";
import { until } from "../harness/until.ts";
import { createFakeBuilder, type FakeBuilderOptions } from "./fake-builder.ts";
import { serveBuilder } from "./serve-builder.ts";

const REQUEST = { Ref: "r", Context: { Kind: "session", Name: "context", SharedKey: "k" } };

interface Client {
  send(type: number, stream: number, payload?: Uint8Array | object): void;
  raw(bytes: Uint8Array): void;
  /** Types of the frames that came, the last one's payload as text. */
  types: number[];
  last: string;
  closed: Promise<void>;
  socket: Socket;
}

/** A connection that is upgraded, whose frames a test writes by hand. */
async function connected(path: string): Promise<Client> {
  const socket = connect(path);
  socket.write(
    "POST /v1.45/gantry/build HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: 0\r\n\r\n",
  );
  const reader = new FrameReader();
  const upgraded = Promise.withResolvers<void>();
  let head = "";
  const client: Client = {
    send: (type, stream, payload = new Uint8Array(0)) =>
      client.raw(encodeFrame(type, stream, payload instanceof Uint8Array ? payload : encodeJson(payload))),
    raw: (bytes) => void socket.write(bytes),
    types: [],
    last: "",
    closed: new Promise((resolve) => socket.once("close", () => resolve())),
    socket,
  };
  socket.on("error", () => undefined); // cut off in the middle of our own writes
  socket.on("data", (chunk: Buffer) => {
    let bytes = chunk;
    if (!head.includes("\r\n\r\n")) {
      const before = head.length;
      head += chunk.toString("latin1");
      const end = head.indexOf("\r\n\r\n");
      if (end < 0) return;
      bytes = chunk.subarray(end + 4 - before);
      upgraded.resolve();
    }
    for (const { type, payload } of reader.push(bytes)) {
      client.types.push(type);
      client.last = Buffer.from(payload).toString();
    }
  });
  await upgraded.promise;
  expect(head).toStartWith("HTTP/1.1 101 ");
  return client;
}

async function served(options: FakeBuilderOptions = {}) {
  const builder = createFakeBuilder(options);
  const daemon = await serveBuilder(builder);
  return { builder, daemon, [Symbol.asyncDispose]: () => daemon[Symbol.asyncDispose]() };
}

/** A build that wants every file of the context, and keeps nothing. */
const TRANSFER: FakeBuilderOptions = {
  async solve(_request, { session, signal }) {
    const sink = { entry: () => true, data: () => undefined, end: () => undefined };
    await session.receive({ name: "context", include: [], exclude: [], followPaths: [] }, sink, signal);
    return undefined;
  },
};
const WAIT: FakeBuilderOptions = {
  solve: (_request, { signal }) =>
    new Promise((_, reject) => signal.addEventListener("abort", () => reject(new Error("canceled")))),
};

test.each<[string, (client: Client) => void]>([
  ["noise", (client) => client.raw(new Uint8Array(64).fill(0xff))],
  ["a second request", (client) => client.send(FRAME.request, 0, REQUEST)],
  ["a frame that is the daemon's to send", (client) => client.send(FRAME.result, 0, {})],
  ["an answer that nobody asked for", (client) => client.send(FRAME.answer, 1, new Uint8Array(1))],
  ["data on a stream that is not there", (client) => client.send(FRAME.data, 9, new Uint8Array(1))],
  ["the end of its side", (client) => void client.socket.end()],
])("%s ends the connection and cancels the build", async (_what, act) => {
  await using s = await served(WAIT);
  const client = await connected(s.daemon.socketPath);
  client.send(FRAME.request, 0, REQUEST);
  await until("the build has begun", () => s.builder.requests.length === 1 || undefined);
  act(client);
  await client.closed;
  await until("the build has ended", () => s.builder.outcomes.length === 1 || undefined);
  expect([s.builder.outcomes, s.builder.canceled]).toEqual([["canceled"], 1]);
});

test("an answer that comes when nobody waits for it any more is passed over", async () => {
  await using s = await served({
    async solve(_request, { session }) {
      const stop = new AbortController();
      const asked = session.secret("first", stop.signal).catch(() => "aborted");
      stop.abort();
      expect(await asked).toBe("aborted");
      await session.secret("second", new AbortController().signal);
      return undefined;
    },
  });
  const client = await connected(s.daemon.socketPath);
  client.send(FRAME.request, 0, REQUEST);
  await until("both are asked", () => client.types.filter((type) => type === FRAME.ask).length === 2 || undefined);
  for (const id of [1, 2]) client.send(FRAME.answer, id, new Uint8Array([0]));
  await until("the build has ended", () => client.types.at(-1) === FRAME.result || undefined);
  client.socket.destroy();
});

test.each<[string, object | Uint8Array, string]>([
  ["no JSON", new Uint8Array([123]), "no JSON"],
  ["a list", [], "cannot unmarshal array"],
  ["no reference", {}, "invalid build reference"],
  ["a reference that is a path", { Ref: "../x" }, "invalid build reference"],
  ["an unknown output", { Ref: "r", Outputs: [{ Type: "floppy" }] }, "invalid output type"],
  ["an unknown context", { Ref: "r", Context: { Kind: "cloud" } }, "invalid context"],
  ["an unknown call", { Ref: "r", Call: "sing" }, "invalid call"],
  ["a number for a text", { Ref: "r", Target: 5 }, "BuildRequest.Target of type string"],
])("a request that is %s is refused in words", async (_what, request, message) => {
  await using s = await served();
  const client = await connected(s.daemon.socketPath);
  client.send(FRAME.request, 0, request);
  await until("it is refused", () => client.types.at(-1) === FRAME.failed || undefined);
  expect(JSON.parse(client.last)).toMatchObject({
    Kind: "invalid-argument",
    Message: expect.stringContaining(message),
  });
  expect(s.builder.requests).toEqual([]);
  client.socket.destroy();
});

function entries(...all: [path: string, sizeBytes: number][]): Uint8Array {
  const packer = new EntryPacker();
  const rest = {
    type: "file",
    mode: 0o644,
    modifiedSeconds: 0,
    modifiedNanoseconds: 0,
    linkName: "",
    deviceMajor: 0,
    deviceMinor: 0,
  } as const;
  for (const [path, sizeBytes] of all) packer.add({ path, sizeBytes, ...rest } satisfies WalkEntry);
  return packer.flush() ?? new Uint8Array(0);
}

function piece(index: number, bytes: number, last: boolean): Uint8Array {
  const message = new Uint8Array(9 + bytes);
  message[0] = WALK.pieces;
  const view = new DataView(message.buffer);
  view.setUint32(1, index);
  view.setUint32(5, bytes + (last ? 2 ** 31 : 0));
  return message;
}

test.each<[string, Uint8Array[], string]>([
  ["climbs", [entries(["../x", 1])], "in no directory that was told"],
  ["is not in order", [entries(["b", 1], ["a", 1])], "not in order"],
  ["is an empty message", [new Uint8Array(0)], "no part of a walk"],
  ["ends twice", [new Uint8Array([WALK.done]), new Uint8Array([WALK.done])], ""],
  ["sends what was not asked for", [entries(["a", 1]), piece(7, 1, true)], "was not asked for"],
  ["sends more of a file than was told", [entries(["a", 1]), piece(0, 2, true)], "another size"],
  ["sends less of a file than was told", [entries(["a", 3]), piece(0, 2, true)], "another size"],
  ["is cut", [entries(["a", 3]).subarray(0, 3)], "ends within"],
])("a walk that %s fails the build, not the daemon", async (_what, messages, message) => {
  await using s = await served(TRANSFER);
  const client = await connected(s.daemon.socketPath);
  client.send(FRAME.request, 0, REQUEST);
  await until("the walk is asked for", () => client.types.includes(FRAME.open) || undefined);
  for (const one of messages) client.send(FRAME.data, 1, one);
  const end = message === "" ? FRAME.result : FRAME.failed;
  await until("the build has ended", () => client.types.at(-1) === end || undefined);
  if (message !== "") expect(client.last).toContain(message);
  client.socket.destroy();
});

test("a client that sends without end before anything is taken is cut off at its window", async () => {
  const held = Promise.withResolvers<void>();
  await using s = await served({
    async solve(_request, { session, signal }) {
      const sink = { entry: () => true, data: () => held.promise, end: () => undefined };
      await session.receive({ name: "context", include: [], exclude: [], followPaths: [] }, sink, signal);
      return undefined;
    },
  });
  const client = await connected(s.daemon.socketPath);
  client.send(FRAME.request, 0, REQUEST);
  await until("the walk is asked for", () => client.types.includes(FRAME.open) || undefined);
  client.send(FRAME.data, 1, entries(["a", 2 ** 40]));
  for (let bytes = 0; bytes < 3 * WINDOW_BYTES; bytes += MAX_DATA_BYTES)
    client.send(FRAME.data, 1, piece(0, MAX_DATA_BYTES - 9, false));
  await client.closed;
  held.resolve();
  await until("the build has ended", () => s.builder.outcomes.length === 1 || undefined);
});
