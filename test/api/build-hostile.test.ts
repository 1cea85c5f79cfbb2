import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { type ClientHttp2Session, connect as connectHttp2 } from "node:http2";
import { duplexPair } from "node:stream";
import type { ServerDuplexStream } from "@grpc/grpc-js";
import { createBuildServices } from "../../src/api/build/control/services.ts";
import { createSessions } from "../../src/api/build/session/sessions.ts";
import { createSystemClock } from "../../src/base/clock.ts";
import { toGoMode } from "../../src/wire/file-mode.ts";
import { encodeGrpcFrame } from "../../src/wire/grpc/frames.ts";
import { type Handlers, type Message, offerSession, upgrade } from "./buildkit-peer.ts";
import { createFakeBuilder, receiveAll } from "./fake-builder.ts";
import { type ServedApi, serveFake } from "./harness.ts";

let builder = createFakeBuilder();
let api: ServedApi;

beforeEach(async () => {
  builder = createFakeBuilder();
  api = await serveFake({ builder });
});
afterEach(() => api[Symbol.asyncDispose]());

type Stream = ServerDuplexStream<Message, Message>;

/** A client whose directory is whatever `misbehave` writes. Returns what the build came to. */
async function buildFrom(misbehave: (stream: Stream) => void): Promise<{ status: number; message: string }> {
  builder.onSolve(async ({ session, signal }) => void (await receiveAll(session, { name: "context" }, signal)));
  const handlers: Handlers = { "moby.filesync.v1.FileSync": { DiffCopy: misbehave } };
  using _session = await offerSession(api.socketPath, { id: "s", handlers });
  const { status, text } = await api.request("POST", "/build?version=2&session=s&remote=client-session");
  return {
    status,
    message: text === "" ? "" : ((JSON.parse(text.split("\r\n")[0] ?? "") as Message)["message"] ?? ""),
  };
}

const file = (path: string, more: Message = {}) => ({
  type: 0,
  stat: { path, mode: toGoMode(0o100644), size: 3, modTime: 0, linkname: "", ...more },
});
const directory = (path: string) => file(path, { mode: toGoMode(0o040755), size: 0 });

describe("attack 44: names of a client's directory that lead out, or come out of turn, are refused", () => {
  const cases: [what: string, packets: Message[], text: RegExp][] = [
    ["..", [file("..")], /invalid path/],
    ["../x", [file("../x")], /invalid path/],
    ["an absolute one", [file("/etc/passwd")], /invalid path/],
    ["a/../../x", [directory("a"), file("a/../../x")], /invalid path/],
    ["nothing", [file("")], /invalid path/],
    ["./x", [file("./x")], /invalid path/],
    ["a NUL", [file("a\0b")], /invalid path/],
    ["a name too long", [file("x".repeat(256))], /invalid path/],
    ["a path too long", [file(`${"d/".repeat(2100)}x`)], /invalid path/],
    ["twice the same", [file("a"), file("a")], /out of order/],
    ["the wrong order", [file("b"), file("a")], /out of order/],
    ["below a file", [file("a"), file("a/b")], /out of order/],
    ["below a link", [file("a", { mode: toGoMode(0o120777), linkname: "/etc" }), file("a/passwd")], /out of order/],
    ["below what is not there", [file("a/b")], /out of order/],
    ["back into a directory", [directory("a"), file("b"), file("a/x")], /out of order/],
    ["a hard link to outside", [file("a", { linkname: "../../etc/shadow" })], /did not come before/],
    ["a hard link to a later one", [file("a", { linkname: "b" }), file("b")], /did not come before/],
    ["a negative size", [file("a", { size: -1 })], /negative size/],
    ["two types at once", [file("a", { mode: toGoMode(0o040755) + 2 ** 27 })], /of a kind/],
    ["a type of the future", [{ type: 9 }], /unexpected packet of type 9/],
    ["data that nobody asked for", [{ type: 2, ID: 7, data: Buffer.from("x") }], /nobody asked for/],
    ["an end before the end", [file("a"), { type: 3 }], /too early/],
    ["an error of its own", [{ type: 4, data: Buffer.from("open x: denied") }], /error from sender: open x: denied/],
    ["a name after the list", [{ type: 0 }, file("a")], /after the end of its list/],
  ];
  test.each(cases)("%s", async (_, packets, text) => {
    const { status, message } = await buildFrom((stream) => {
      for (const packet of packets) stream.write(packet);
    });
    expect(message).toMatch(text);
    expect(status).toBe(400);
  });

  test("a client that ends in the middle", async () => {
    const { message } = await buildFrom((stream) => {
      stream.write(file("a"));
      stream.end();
    });
    expect(message).toMatch(/too early|gone away/);
  });

  test("a file without end is cut at its size", async () => {
    let sent = 0;
    const { message } = await buildFrom((stream) => {
      stream.write(file("a"));
      stream.on("error", () => undefined);
      stream.on("data", () => {
        const more = () => {
          while (!stream.destroyed && !stream.cancelled && sent < 1e9) {
            sent += 65_536;
            if (!stream.write({ type: 2, ID: 0, data: Buffer.alloc(65_536) })) {
              stream.once("drain", more);
              return;
            }
          }
        };
        more();
      });
    });
    expect(message).toMatch(/grew while it was sent/);
    expect(sent).toBeLessThan(64e6);
  });
});

describe("bytes that are no protocol do not end the daemon", () => {
  const alive = async () => expect((await api.request("GET", "/_ping")).text).toBe("OK");

  test.each(["HTTP/1.1 200 OK\r\n\r\n", "\0".repeat(1000), "x".repeat(100_000), ""])(
    "a session that says %j is over, and a build that asks it fails",
    async (bytes) => {
      const asked = Promise.withResolvers<unknown>();
      builder.onSolve(async ({ session, signal }) => {
        const secret = session?.secret("x", signal);
        // What it has to say comes while it is asked.
        if (bytes === "") socket.end();
        else socket.write(bytes);
        asked.resolve(await secret?.catch((error: unknown) => error));
      });
      const socket = await upgrade(api.socketPath, "/session", [["X-Docker-Expose-Session-Uuid", "raw"]]);
      const over = new Promise((resolve) => socket.once("close", resolve));
      socket.resume();
      const { status } = await api.request("POST", "/build?version=2&session=raw");
      expect(status).toBe(503);
      expect(await asked.promise).toMatchObject({ kind: "unavailable" });
      await over;
      await alive();
    },
  );

  test("random frames on /grpc", async () => {
    let seed = 7;
    const random = () => {
      seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
      return seed;
    };
    const preface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    for (let round = 0; round < 60; round++) {
      const socket = await upgrade(api.socketPath, "/grpc");
      socket.on("error", () => undefined).resume();
      const frames = Array.from({ length: 1 + (random() % 8) }, () => {
        const payload = Buffer.from(Array.from({ length: random() % 40 }, () => random() % 256));
        const head = Buffer.from([0, 0, payload.byteLength, random() % 12, random() % 256, 0, 0, 0, random() % 5]);
        return Buffer.concat([head, payload]);
      });
      socket.write(Buffer.concat([preface, ...(round % 3 === 0 ? frames.map((one) => one.subarray(1)) : frames)]));
      if (round % 2 === 0) socket.end();
      else setImmediate(() => socket.destroy());
    }
    await alive();
  });

  /** One call with these bytes as its body. Returns the status that it ends with. */
  function callWith(session: ClientHttp2Session, path: string, body: Buffer, headers = {}): Promise<string> {
    return new Promise((resolve) => {
      const call = session.request({
        ":method": "POST",
        ":path": path,
        "content-type": "application/grpc",
        te: "trailers",
        ...headers,
      });
      let answer = "no status";
      call.on("response", (received) => {
        answer = String(received["grpc-status"] ?? `HTTP ${received[":status"]}`);
      });
      call.on("trailers", (received) => {
        answer = String(received["grpc-status"]);
      });
      call.on("error", () => undefined);
      call.on("close", () => resolve(answer));
      call.resume();
      call.end(body);
    });
  }

  test("malformed messages are refused with a status", async () => {
    const socket = await upgrade(api.socketPath, "/grpc");
    const [near, far] = duplexPair();
    socket.pipe(far).pipe(socket);
    const session = connectHttp2("http://x", { createConnection: () => near });
    const solve = "/moby.buildkit.v1.Control/Solve";
    const frame = (bytes: Buffer, length = bytes.byteLength, flag = 0) =>
      Buffer.concat([
        Buffer.from([flag, length >>> 24, (length >>> 16) & 255, (length >>> 8) & 255, length & 255]),
        bytes,
      ]);
    const invalid = "3";
    expect(await callWith(session, solve, Buffer.alloc(0))).toBe(invalid);
    expect(await callWith(session, solve, Buffer.from("xy"))).toBe(invalid);
    expect(await callWith(session, solve, frame(Buffer.from("x"), 2 ** 31))).toBe(invalid);
    expect(await callWith(session, solve, frame(Buffer.alloc(9), 10))).toBe(invalid);
    expect(await callWith(session, solve, frame(Buffer.from([0x0a, 0xff, 0xff, 0xff, 0xff, 0x7f])))).toBe(invalid);
    expect(await callWith(session, solve, frame(Buffer.from([0x0a, 0x02, 0xc3, 0x28])))).toBe(invalid);
    expect(await callWith(session, solve, frame(Buffer.from([0x08, 0x01])))).toBe(invalid);
    // Groups within groups, a thousand of them.
    expect(await callWith(session, solve, frame(Buffer.alloc(5000, 0x7b)))).toBe(invalid);
    expect(await callWith(session, solve, frame(Buffer.alloc(0), 0, 1))).toBe("12");
    expect(await callWith(session, "/nobody.Knows/This", frame(Buffer.alloc(0)))).toBe("12");
    expect(await callWith(session, "nonsense", frame(Buffer.alloc(0)))).not.toBe("0");
    expect(await callWith(session, solve, Buffer.alloc(0), { "content-type": "text/html" })).toBe("HTTP 415");
    const workers = "/moby.buildkit.v1.Control/ListWorkers";
    expect(await callWith(session, workers, frame(Buffer.alloc(0)), { "grpc-timeout": "nonsense" })).toBe("0");
    session.destroy();
    await alive();
  });

  test("any bytes for any method end in a status, and nothing is built", async () => {
    const socket = await upgrade(api.socketPath, "/grpc");
    const [near, far] = duplexPair();
    socket.pipe(far).pipe(socket);
    const session = connectHttp2("http://x", { createConnection: () => near });
    let seed = 11;
    const random = () => (seed = (seed * 48_271) % 2_147_483_647);
    const paths = [
      ...createBuildServices({ builder, sessions: createSessions(), clock: createSystemClock(), version: "0" }).keys(),
    ];
    expect(paths.length).toBeGreaterThan(20);
    const answers = paths.flatMap((path) =>
      Array.from({ length: 8 }, () => {
        const bytes = Buffer.from(Array.from({ length: random() % 50 }, () => random() % 256));
        // What happens to be a message may begin a build that its client would steer: it ends with the call.
        const headers = { "grpc-timeout": "300m", "buildkit-controlapi-buildid": "x" };
        return callWith(session, path, Buffer.from(encodeGrpcFrame(bytes)), headers);
      }),
    );
    for (const status of await Promise.all(answers)) expect(status).toMatch(/^\d+$/);
    expect(builder.requests).toEqual([]);
    session.destroy();
    await alive();
  });

  test("a request that is not upgraded, and bytes that come with its head", async () => {
    const raw = api.raw();
    raw.send(
      "POST /grpc HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\nPRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    );
    raw.send("\0\0\0\x04\0\0\0\0\0");
    const answer = await raw.until("\r\n\r\n");
    expect(answer).toStartWith("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n");
    await raw.until("\x04");
    raw.close();
    await alive();
  });
});
