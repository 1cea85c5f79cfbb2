import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import { invalid, messageOf } from "../../src/base/errors.ts";
import type { OutgoingDirectory, RemoteEntry } from "../../src/builder/session.ts";
import { GO_MODE } from "../../src/wire/file-mode.ts";
import { type Handlers, type Message, offerSession } from "./buildkit-peer.ts";
import { createFakeBuilder, DONE, IMAGE_ID, log, readArchive, receiveAll, vertex } from "./fake-builder.ts";
import { type ServedApi, serveFake } from "./harness.ts";
import { auth, type ClientFile, directoryTarget, fileSync, secrets, shoutingAgent } from "./session-handlers.ts";

let builder = createFakeBuilder();
let api: ServedApi | undefined;

beforeEach(async () => {
  await api?.[Symbol.asyncDispose]();
  builder = createFakeBuilder();
  api = await serveFake({ builder });
});
afterAll(() => api?.[Symbol.asyncDispose]());

function served(): ServedApi {
  if (api === undefined) throw new Error("no server");
  return api;
}

/** POST /build?version=2 with a session of these services. Returns the answer's lines. */
async function buildWith(handlers: Handlers, query = "remote=client-session") {
  using _session = await offerSession(served().socketPath, { id: "s1", handlers, sharedKey: "key" });
  const answer = await served().request("POST", `/build?version=2&session=s1&${query}`);
  return { status: answer.status, lines: linesOf(answer.text) };
}

const failureOf = (promise: Promise<unknown>) => promise.then(() => "nothing failed", messageOf);

function linesOf(text: string): Message[] {
  return text
    .trim()
    .split("\r\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Message);
}

const FILES: ClientFile[] = [
  { path: ".dockerignore", content: "x" },
  { path: "Dockerfile", content: "FROM scratch\n" },
  { path: "a", mode: 0o040755 },
  { path: "a/big", content: "b".repeat(100_000) },
  { path: "a/empty" },
  { path: "a/hard", linkname: "a/big" },
  { path: "a/link", mode: 0o120777, linkname: "../Dockerfile" },
  { path: "a/pipe", mode: 0o010600 },
  { path: "a/setuid", mode: 0o104755, uid: 7 },
  { path: "a.txt", content: "after a/" },
  { path: "ünï", content: "last" },
];

describe("directories of the client", () => {
  test("come with every kind of file, in order, and only what is wanted is sent", async () => {
    const done = Promise.withResolvers<Awaited<ReturnType<typeof receiveAll>>>();
    const seen: Record<string, unknown>[] = [];
    builder.onSolve(async ({ request, session, signal }) => {
      expect(request.context).toEqual({ kind: "session", name: "context", sharedKey: "key:context" });
      expect(request.dockerfile).toEqual({ kind: "session", name: "dockerfile", sharedKey: "key:dockerfile" });
      expect(session?.hasDirectories).toBe(true);
      const wanted = { name: "context", include: ["a", "ü"], exclude: ["!é%"], followPaths: ["Dockerfile"] };
      done.resolve(await receiveAll(session, wanted, signal));
    });
    const { lines } = await buildWith(fileSync({ context: FILES }, seen));
    expect(lines.at(-1)).toEqual({ id: "moby.image.id", aux: { ID: IMAGE_ID } });
    const { entries, contents } = await done.promise;
    const brief = ({ path, type, mode, uid, linkName }: RemoteEntry) =>
      `${type} ${mode.toString(8)} ${path}${uid === 0 ? "" : ` uid ${uid}`}${linkName === "" ? "" : ` -> ${linkName}`}`;
    expect(entries.map(brief)).toEqual([
      "file 644 .dockerignore",
      "file 644 Dockerfile",
      "directory 755 a",
      "file 644 a/big",
      "file 644 a/empty",
      "file 644 a/hard -> a/big",
      "symlink 777 a/link -> ../Dockerfile",
      "fifo 600 a/pipe",
      "file 4755 a/setuid uid 7",
      "file 644 a.txt",
      "file 644 ünï",
    ]);
    expect(contents.get("a/big")).toBe("b".repeat(100_000));
    expect([...contents.keys()]).not.toContain("a/hard");
    expect(contents.get("ünï")).toBe("last");
    expect(seen).toEqual([
      {
        "dir-name": ["context"],
        // Two headers; this client's HTTP/2 joins what comes twice.
        "include-patterns": ["a, %C3%BC"],
        "include-patterns-encoded": ["1"],
        "exclude-patterns": ["!%C3%A9%25"],
        "exclude-patterns-encoded": ["1"],
        followpaths: ["Dockerfile"],
      },
    ]);
  });

  test("one that the client does not give is not-found", async () => {
    const kind = Promise.withResolvers<unknown>();
    builder.onSolve(async ({ session, signal }) => {
      await receiveAll(session, { name: "other" }, signal).catch((error: unknown) => kind.resolve(error));
    });
    await buildWith(fileSync({}));
    expect(await kind.promise).toMatchObject({ kind: "not-found", message: "no access allowed to dir" });
  });

  test("a reader that does not read holds the client back, and gets it all in the end", async () => {
    const many = Array.from({ length: 300 }, (_, index) => ({
      path: String(index).padStart(4, "0"),
      content: "z".repeat(30_000),
    }));
    const total = Promise.withResolvers<number>();
    builder.onSolve(async ({ session, signal }) => {
      let bytes = 0;
      await session?.receive(
        { name: "context", include: [], exclude: [], followPaths: [] },
        {
          entry: () => true,
          async data(_, chunk) {
            bytes += chunk.byteLength;
            await Promise.resolve();
          },
          end: () => undefined,
        },
        signal,
      );
      total.resolve(bytes);
    });
    await buildWith(fileSync({ context: many }));
    expect(await total.promise).toBe(300 * 30_000);
  });

  test("an error of the sink ends the transfer and is the error", async () => {
    builder.onSolve(async ({ session, signal }) => {
      const request = { name: "context", include: [], exclude: [], followPaths: [] };
      const fail = () => {
        throw new Error("no space");
      };
      await session?.receive(request, { entry: () => true, data: fail, end: () => undefined }, signal);
    });
    const { status } = await buildWith(fileSync({ context: FILES }));
    expect(status).toBe(500);
  });
});

describe("what a build asks of its client", () => {
  test("secrets, accounts and agents, and what the client does not have", async () => {
    const answers: unknown[] = [];
    builder.onSolve(async ({ session, signal }) => {
      if (session === undefined) throw new Error("no session");
      const text = async (id: string) => {
        const value = await session.secret(id, signal);
        return value === undefined ? undefined : Buffer.from(value).toString();
      };
      answers.push(await text("s"), await text("none"));
      for (const host of ["docker.io", "host:5000", "token.example", "other"]) {
        answers.push(await session.credentials(host, signal));
      }
      answers.push(await session.hasAgent("default", signal), await session.hasAgent("none", signal));
      const agent = await session.openAgent("default", signal);
      agent.end("whisper ".repeat(10_000));
      let heard = "";
      for await (const chunk of agent) heard += String(chunk);
      answers.push(heard.length, heard.slice(0, 8));
    });
    const accounts = {
      "registry-1.docker.io": { Username: "hub", Secret: "pw" },
      "host:5000": { Username: "u", Secret: "p" },
      "token.example": { Username: "", Secret: "tok" },
    };
    const { status } = await buildWith({ ...secrets({ s: "word" }), ...auth(accounts), ...shoutingAgent("default") });
    expect(status).toBe(200);
    expect(answers).toEqual([
      "word",
      undefined,
      { username: "hub", password: "pw", identityToken: "" },
      { username: "u", password: "p", identityToken: "" },
      { username: "", password: "", identityToken: "tok" },
      undefined,
      true,
      false,
      80_000,
      "WHISPER ",
    ]);
  });

  test("a client without these services has nothing", async () => {
    const answers: unknown[] = [];
    builder.onSolve(async ({ session, signal }) => {
      answers.push(await session?.secret("s", signal), await session?.credentials("x", signal));
      answers.push(await session?.hasAgent("default", signal), session?.hasDirectories);
    });
    await buildWith({}, "remote=");
    expect(answers).toEqual([undefined, undefined, false, false]);
  });

  test("when the client has gone, the build is over and its calls are refused", async () => {
    const gone = Promise.withResolvers<unknown>();
    const begun = Promise.withResolvers<void>();
    builder.onSolve(async ({ session, signal }) => {
      begun.resolve();
      await new Promise((resolve) => session?.closed.addEventListener("abort", resolve));
      gone.resolve(await session?.secret("s", new AbortController().signal).catch((error: unknown) => error));
      signal.throwIfAborted();
    });
    const session = await offerSession(served().socketPath, { id: "s1", handlers: secrets({}) });
    const answer = served().request("POST", "/build?version=2&session=s1");
    await begun.promise;
    session[Symbol.dispose]();
    expect(await gone.promise).toMatchObject({ kind: "unavailable", message: "the client has gone away" });
    expect((await answer).status).toBe(503);
  });
});

const TREE: OutgoingDirectory = {
  async *archive() {},
  async *entries() {
    const blank = { uid: 0, gid: 0, sizeBytes: 0, modifiedNs: 5n, linkName: "", deviceMajor: 0, deviceMinor: 0 };
    yield { ...blank, path: "d", type: "directory", mode: 0o755, xattrs: new Map() };
    yield { ...blank, path: "d/f", type: "file", mode: 0o4755, sizeBytes: 5, xattrs: new Map() };
    yield { ...blank, path: "l", type: "symlink", mode: 0o777, linkName: "d/f", xattrs: new Map() };
  },
  async *read(path) {
    yield Buffer.from(`<${path}>`);
  },
};

describe("results for the client", () => {
  test("a directory: names first, then the contents that it asks for", async () => {
    builder.onExport(async ([output], session, signal) => {
      if (output?.type === "local") await session?.sendDirectory(output.id, TREE, signal);
    });
    const packets: Message[] = [];
    const outputs = encodeURIComponent(JSON.stringify([{ Type: "local", Attrs: {} }]));
    const { status } = await buildWith(directoryTarget(packets), `outputs=${outputs}`);
    expect(status).toBe(200);
    const names = packets.flatMap(({ type, stat }) => (type === 0 && stat !== null ? [stat] : []));
    expect(names.map(({ path, mode, linkname }) => [path, mode, linkname])).toEqual([
      ["d", GO_MODE.directory + 0o755, ""],
      ["d/f", GO_MODE.setuid + 0o755, ""],
      ["l", GO_MODE.symlink + 0o777, "d/f"],
    ]);
    const data = packets.filter(({ type }) => type === 2).map(({ ID, data: bytes }) => [ID, String(bytes)]);
    expect(data).toEqual([
      [1, "<d/f>"],
      [1, ""],
    ]);
    expect(packets.at(-1)?.["type"]).toBe(3);
  });

  test("an archive: as many messages as it takes, and an end", async () => {
    const archive = Buffer.alloc(1_300_000, "x");
    const chunks: Buffer[] = [];
    builder.onExport(async ([output], session, signal) => {
      async function* once() {
        yield archive;
      }
      if (output?.type === "tar") await session?.sendArchive("3", once(), signal);
    });
    const ids: unknown[] = [];
    const target: Handlers = {
      "moby.filesync.v1.FileSend": {
        DiffCopy(stream: Message) {
          ids.push(stream["metadata"].get("buildkit-attachable-exporter-id"));
          stream["on"]("data", ({ data }: Message) => chunks.push(data));
          stream["on"]("end", () => stream["end"]());
        },
      },
    };
    const outputs = encodeURIComponent(JSON.stringify([{ Type: "tar", Attrs: { dest: "x" } }]));
    const { status, lines } = await buildWith(target, `outputs=${outputs}`);
    expect([status, lines]).toEqual([200, []]);
    expect(Buffer.concat(chunks).equals(archive)).toBe(true);
    expect(ids).toEqual([["3"]]);
    expect(Math.max(...chunks.map((chunk) => chunk.byteLength))).toBeLessThanOrEqual(3 * 1024 * 1024);
  });

  test.each([
    ["image", { type: "image", names: ["x:latest"], push: true, attributes: { push: "true" } }, { push: "true" }],
    ["oci", { type: "oci", id: "", names: ["x:latest"], attributes: {} }, {}],
    ["cacheonly", { type: "none" }, {}],
  ])("exporter %s", async (type, expected, attributes) => {
    const outputs = encodeURIComponent(JSON.stringify([{ Type: type, Attrs: attributes }]));
    const inline = encodeURIComponent(JSON.stringify({ BUILDKIT_INLINE_CACHE: "1" }));
    await served().request("POST", `/build?version=2&t=x&outputs=${outputs}&buildargs=${inline}`);
    expect(builder.exports as unknown[]).toEqual([
      { outputs: [expected], cacheTo: [{ type: "inline", attributes: {} }] },
    ]);
  });

  test("an exporter that there is not, or two of them, are refused", async () => {
    for (const outputs of [[{ Type: "tape" }], [{ Type: "local" }, { Type: "tar" }]]) {
      const query = encodeURIComponent(JSON.stringify(outputs));
      expect((await served().request("POST", `/build?version=2&outputs=${query}`)).status).toBe(400);
    }
    expect(builder.requests).toEqual([]);
  });
});

describe("the stream of POST /build?version=2", () => {
  test("is BuildKit's status messages in base64, then the image", async () => {
    builder.onSolve(async ({ emit }) => {
      emit({ kind: "steps", steps: [] });
      emit(vertex("[1/1] RUN x", { inputs: ["sha256:in"], cached: true, ...DONE }));
      emit(log("[1/1] RUN x", "hello", 2));
    });
    const { text } = await served().request("POST", "/build?version=2");
    const lines = linesOf(text);
    expect(lines.map(({ id }) => id as string)).toEqual(["moby.buildkit.trace", "moby.image.id"]);
    const { decodeStatus } = await import("./decode-status.ts");
    const status = decodeStatus(Buffer.from(lines[0]?.["aux"] as string, "base64"));
    expect(status).toMatchObject({
      vertexes: [
        {
          name: "[1/1] RUN x",
          cached: true,
          inputs: ["sha256:in"],
          started: { seconds: 1_767_225_600 },
          completed: { seconds: 1_767_225_601, nanos: 500_000_000 },
        },
      ],
      logs: [{ stream: 2, timestamp: { seconds: 1_767_225_600, nanos: 250_000_000 } }],
    });
    expect(status["logs"][0].msg.toString()).toBe("hello");
  });

  test("with q=1 it is the ID alone, as docker -q prints it; all of it comes when the build fails", async () => {
    builder.onSolve(async ({ emit }) => emit(vertex("[1/1] RUN x", DONE)));
    const quiet = await served().request("POST", "/build?version=2&q=1");
    expect(linesOf(quiet.text)).toEqual([{ stream: `${IMAGE_ID}\n` }]);
    builder.onSolve(async ({ emit }) => {
      emit(vertex("[1/1] RUN x", { ...DONE, error: "no" }));
      throw invalid("no");
    });
    const failed = await served().request("POST", "/build?version=2&q=1");
    expect(linesOf(failed.text).map(({ id, error }) => (id ?? error) as string)).toEqual(["moby.buildkit.trace", "no"]);
  });

  test("an upload comes in a request of its own, before or after the build", async () => {
    const archives: string[] = [];
    builder.onSolve(async ({ request }) => {
      archives.push(Buffer.from(await readArchive(request.context)).toString());
    });
    for (const order of ["upload first", "build first"]) {
      const upload = () =>
        served().request("POST", "/build?version=2&buildid=upload-request:b1", { rawBody: `tar, ${order}` });
      const build = () => served().request("POST", "/build?version=2&buildid=b1&remote=upload-request");
      const steps = order === "upload first" ? [upload, build] : [build, upload];
      const answers = await Promise.all(steps.map((step) => step()));
      expect(answers.map(({ status }) => status)).toEqual([200, 200]);
    }
    expect(archives).toEqual(["tar, upload first", "tar, build first"]);
  });

  test("a session that does not come is not-found after a moment, in BuildKit's words", async () => {
    const { createSessions } = await import("../../src/api/build/session/sessions.ts");
    const sessions = createSessions({ arrivalMs: 20 });
    const waiting = sessions.wait("nobody", new AbortController().signal);
    expect(await failureOf(waiting)).toBe("no active session for nobody: context deadline exceeded");
  });

  test("a session that comes after its build is used", async () => {
    const answer = served().request("POST", "/build?version=2&session=late");
    using _session = await offerSession(served().socketPath, { id: "late", handlers: secrets({}) });
    expect((await answer).status).toBe(200);
  });

  test("a session's name can be taken once, and needs to be there; other protocols are refused", async () => {
    using _session = await offerSession(served().socketPath, { id: "s1", handlers: {} });
    expect(await failureOf(offerSession(served().socketPath, { id: "s1", handlers: {} }))).toStartWith("HTTP/1.1 409");
    expect(await failureOf(offerSession(served().socketPath, { id: "", handlers: {} }))).toStartWith("HTTP/1.1 400");
    for (const path of ["/session", "/grpc"]) {
      expect((await served().request("POST", path)).text).toContain("no upgrade proto in request");
      const raw = served().raw();
      raw.send(`POST ${path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: spdy\r\n\r\n`);
      expect(await raw.until("not supported")).toStartWith("HTTP/1.1 400");
      raw.close();
    }
  });
});
