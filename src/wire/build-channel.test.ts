import { expect, test } from "bun:test";
import { BuildChannel, type MessageStream, StreamFailed } from "./build-channel.ts";
import { encodeFrame, FRAME, MAX_DATA_BYTES, MAX_STREAMS, WINDOW_BYTES } from "./build-stream.ts";

/** Two ends, joined without a limit between them: only the windows hold anybody back. */
function pair() {
  const ends: BuildChannel[] = [];
  const make = (other: number) =>
    new BuildChannel({
      write: async (bytes) => queueMicrotask(() => ends[other]?.receive(bytes)),
      onFrame: () => undefined,
    });
  const [server, client] = [make(1), make(0)];
  ends.push(server, client);
  const open = (): [server: MessageStream, client: MessageStream] => {
    const id = server.nextId();
    return [server.open(id), client.open(id)];
  };
  return { server, client, open };
}

async function readAll(stream: MessageStream): Promise<number> {
  let bytes = 0;
  for await (const message of stream) bytes += message.byteLength;
  return bytes;
}

async function failure(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return "no failure";
  } catch (error) {
    return (error as Error).message;
  }
}

/** Lets everything happen that waits for nothing outside. */
const settle = () => Bun.sleep(1);

test("more than a window passes when it is read", async () => {
  const [server, client] = pair().open();
  const size = WINDOW_BYTES * 3 + 5;
  const sent = client.sendAll(new Uint8Array(size)).then(() => client.end());
  expect(await readAll(server)).toBe(size);
  await sent;
});

test("what nobody reads stops after a window, and other streams go on", async () => {
  const { open } = pair();
  const [stuck, stuckClient] = open();
  const [server, client] = open();
  let stopped = true;
  const sending = stuckClient.sendAll(new Uint8Array(WINDOW_BYTES * 2)).then(() => {
    stopped = false;
  });
  const sent = client.sendAll(new Uint8Array(WINDOW_BYTES * 2)).then(() => client.end());
  expect(await readAll(server)).toBe(WINDOW_BYTES * 2);
  await sent;
  expect(stopped).toBe(true);
  stuck.fail({ Kind: "internal", Message: "nobody reads" });
  expect(await failure(sending)).toContain("nobody reads");
});

test("both sides can send at once without waiting for each other", async () => {
  const [server, client] = pair().open();
  const size = WINDOW_BYTES * 4;
  const work = async (stream: MessageStream) => {
    const reading = readAll(stream);
    await stream.sendAll(new Uint8Array(size));
    stream.end();
    return reading;
  };
  expect(await Promise.all([work(server), work(client)])).toEqual([size, size]);
});

test("an error ends the stream on the other side, with its kind", async () => {
  const [server, client] = pair().open();
  client.fail({ Kind: "not-found", Message: "no such directory" });
  const error = await readAll(server).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(StreamFailed);
  expect(error).toMatchObject({ kind: "not-found", message: "no such directory" });
});

test("a connection that is gone fails every stream, also one that is opened later", async () => {
  const { server, open } = pair();
  const [stream] = open();
  const reading = readAll(stream);
  server.close(new Error("gone"));
  expect(await failure(reading)).toContain("gone");
  expect(await failure(readAll(server.open(server.nextId())))).toContain("gone");
});

const data = (stream: number, bytes: number) => encodeFrame(FRAME.data, stream, new Uint8Array(bytes));

test("a side that sends more than it may is cut off", async () => {
  const { server } = pair();
  const stream = server.open(1);
  const send = () => server.receive(data(1, MAX_DATA_BYTES));
  for (let count = 0; count < 3; count++) send();
  expect(send).toThrow("more than it may");
  void stream;
  await settle();
});

test("very many empty messages are too many", () => {
  const { server } = pair();
  server.open(1);
  expect(() => {
    for (let count = 0; count < 20_000; count++) server.receive(data(1, 0));
  }).toThrow("more than it may");
});

test.each([
  ["a stream that was never opened", data(2, 1), "no stream 2"],
  ["stream 0", data(0, 1), "no stream 0"],
  ["a window of another length", encodeFrame(FRAME.window, 1, new Uint8Array(3)), "four bytes"],
  [
    "a window beyond the largest",
    encodeFrame(FRAME.window, 1, new Uint8Array([0, 0, 0, 1])),
    "more room than there is",
  ],
])("%s breaks the protocol", (_what, frame, message) => {
  const { server } = pair();
  server.open(1);
  expect(() => server.receive(frame)).toThrow(message);
});

test("a stream does not go on after its end", () => {
  const { server } = pair();
  server.open(1);
  server.receive(encodeFrame(FRAME.end, 1, new Uint8Array(0)));
  expect(() => server.receive(data(1, 1))).toThrow("after its end");
});

test("there is a limit of streams", () => {
  const { server } = pair();
  for (let count = 1; count <= MAX_STREAMS; count++) server.open(count);
  expect(() => server.open(MAX_STREAMS + 1)).toThrow(`more than ${MAX_STREAMS} streams`);
});
