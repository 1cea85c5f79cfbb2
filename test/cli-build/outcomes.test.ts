import { expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync } from "node:fs";
import { encodeEnd, packFile } from "../../src/formats/tar/packer.ts";
import { gantry, start } from "../cli/gantry.ts";
import { until } from "../harness/until.ts";
import type { FakeBuilderOptions } from "./fake-builder.ts";
import { served } from "./served.ts";

function tarOf(files: Record<string, string>): Uint8Array {
  const entry = { mode: 0o640, uid: 0, gid: 0, modifiedAt: { seconds: 1_600_000_000n, nanoseconds: 0 } };
  return Buffer.concat([
    ...Object.entries(files).map(([name, content]) =>
      packFile({ ...entry, name: Buffer.from(name) }, Buffer.from(content)),
    ),
    encodeEnd(),
  ]);
}

/** Sends `tar` to every output. */
function sending(tar: Uint8Array): FakeBuilderOptions {
  return {
    async exported(outputs, { session, signal }) {
      const archive = async function* () {
        yield tar;
      };
      for (const output of outputs) {
        if (output.type === "local") {
          const directory = { archive, entries: () => fail(), read: () => fail() };
          await session.sendDirectory(output.id, directory, signal);
        } else if (output.type !== "image" && output.type !== "none")
          await session.sendArchive(output.id, archive(), signal);
      }
      return { imageId: undefined };
    },
  };
}

function fail(): never {
  throw new Error("our client takes archives");
}

test("outputs go into a directory, a file and standard output", async () => {
  const tar = tarOf({ a: "content", "sub/b": "more" });
  await using s = await served(sending(tar));
  const { directory } = s.daemon;
  const run = await s.run([
    "build",
    "-q",
    "-o",
    `${directory}/out`,
    "-o",
    `type=tar,dest=${directory}/out.tar`,
    s.context,
  ]);
  expect(run.err).toBe("");
  expect(readFileSync(`${directory}/out/a`, "utf8")).toBe("content");
  expect(readFileSync(`${directory}/out/sub/b`, "utf8")).toBe("more");
  expect(readFileSync(`${directory}/out.tar`).equals(tar)).toBe(true);
  const child = start(s.daemon.host, ["build", "--progress", "quiet", "-o", "-", s.context]);
  expect(Buffer.from(await child.stdout.bytes()).equals(tar)).toBe(true);
  expect(await child.exited).toBe(0);
});

test.each([
  ["climbs out", { "../outside": "x" }, "climbs out"],
  ["goes through a link of the user's", { "link/x": "x" }, "leads elsewhere"],
])("an output that %s is refused, and the build fails", async (_what, files, message) => {
  await using s = await served(sending(tarOf(files)));
  const { directory } = s.daemon;
  mkdirSync(`${directory}/out`);
  mkdirSync(`${directory}/elsewhere`);
  symlinkSync(`${directory}/elsewhere`, `${directory}/out/link`);
  const { code, err } = await s.run(["build", "-q", "-o", `${directory}/out`, s.context]);
  expect([code, err]).toEqual([1, expect.stringContaining(message)]);
  expect(existsSync(`${directory}/outside`)).toBe(false);
  expect(readdirSync(`${directory}/elsewhere`)).toEqual([]);
  expect(s.builder.outcomes[0]).toContain(message);
});

test("a daemon that sends an output nobody asked for writes nothing", async () => {
  await using s = await served({
    async exported(_outputs, { session, signal }) {
      await session.sendArchive(
        "7",
        (async function* () {
          yield new Uint8Array(10);
        })(),
        signal,
      );
      return undefined;
    },
  });
  expect((await s.run(["build", "-q", s.context])).err).toContain("not asked for");
});

test("a client that goes away cancels its build", async () => {
  const begun = Promise.withResolvers<void>();
  await using s = await served({
    async solve(_request, { signal }) {
      begun.resolve();
      await new Promise((_, reject) => signal.addEventListener("abort", () => reject(new Error("canceled"))));
      return undefined;
    },
  });
  const child = start(s.daemon.host, ["build", "-q", s.context]);
  await begun.promise;
  child.kill("SIGINT");
  expect(await child.exited).toBe(130);
  expect(await child.stderr.text()).toContain("canceled");
  await until("the build has ended", () => s.builder.outcomes.length === 1 || undefined);
  expect([s.builder.canceled, s.builder.outcomes]).toEqual([1, ["canceled"]]);
});

test("a client that says nothing for too long is cut off", async () => {
  await using s = await served(
    {
      solve: (_request, { signal }) =>
        new Promise((_, reject) => signal.addEventListener("abort", () => reject(new Error("gone")))),
    },
    { silenceMs: 300 },
  );
  const child = start(s.daemon.host, ["build", "-q", s.context]);
  await until("the build has begun", () => s.builder.requests.length === 1 || undefined);
  child.kill("SIGSTOP");
  await until("the build has ended", () => s.builder.outcomes.length === 1 || undefined);
  child.kill("SIGKILL");
  await child.exited;
  expect(s.builder.outcomes).toEqual(["gone"]);
});

test("progress goes to standard error in lines, warnings after it", async () => {
  const at = new Date();
  await using s = await served({
    async solve(_request, { tell }) {
      const vertex = {
        digest: "a",
        inputs: [],
        name: "[1/1] RUN x",
        startedAt: at,
        completedAt: undefined,
        cached: false,
        error: "",
        stage: "",
        step: "",
      };
      tell({ kind: "vertex", vertex });
      tell({ kind: "log", vertex: "a", stream: 1, data: Buffer.from("hello ☃\n"), at });
      tell({ kind: "vertex", vertex: { ...vertex, completedAt: at } });
      const warning = {
        rule: "R",
        description: "d",
        url: "",
        message: "m",
        fileName: "Dockerfile",
        locations: [{ startLine: 1, endLine: 1 }],
        source: "FROM scratch\n",
      };
      return { warnings: [warning] };
    },
  });
  const { code, out, err } = await s.run(["build", "-t", "x", s.context]);
  expect([code, out]).toEqual([0, ""]);
  expect(err).toBe(
    "#1 [1/1] RUN x\n#1 0.000 hello ☃\n#1 DONE 0.0s\n\n 1 warning found (use --debug to expand):\n - R: m (line 1)\n",
  );
});

test("a thousand lines a step, from twenty steps at once, all arrive before the command ends", async () => {
  const at = new Date();
  await using s = await served({
    async solve(_request, { tell }) {
      for (let step = 0; step < 20; step++) {
        const vertex = {
          digest: `v${step}`,
          inputs: [],
          name: `RUN ${step}`,
          startedAt: at,
          completedAt: at,
          cached: false,
          error: "",
          stage: "",
          step: "",
        };
        tell({ kind: "vertex", vertex: { ...vertex, completedAt: undefined } });
        for (let line = 0; line < 1000; line++)
          tell({ kind: "log", vertex: vertex.digest, stream: 1, data: Buffer.from(`line ${line}\n`), at });
        tell({ kind: "vertex", vertex });
      }
      return undefined;
    },
  });
  const { err } = await s.run(["build", "-t", "x", s.context]);
  expect(err.match(/ line \d+\n/g)?.length).toBe(20_000);
  expect(err.match(/DONE/g)?.length).toBe(20);
});

test("--check says what was found, with the code 1", async () => {
  const warning = {
    rule: "R",
    description: "d",
    url: "https://x",
    message: "m",
    fileName: "Dockerfile",
    locations: [{ startLine: 1, endLine: 1 }],
    source: "FROM scratch\n",
  };
  await using s = await served({ call: { json: '{"warnings":[]}', text: "text", warnings: [warning] } });
  const found = await s.run(["build", "--check", s.context]);
  expect(found.code).toBe(1);
  expect(found.out).toStartWith("Check complete, 1 warning has been found!\n\nWARNING: R - https://x\n");
  expect((await s.run(["build", "--call", "outline,format=json", s.context])).out).toBe('{"warnings":[]}\n');
  expect((await s.run(["build", "--call", "outline", s.context])).out).toBe("text\n");
});

test.each([
  [["build", "/nonexistent/dir"], 'path "/nonexistent/dir" not found'],
  [["build", "-f", "/nonexistent/file", "."], "/nonexistent/file: no such file or directory"],
  [["build", "-f", "-", "-"], "can't use stdin for both"],
  [["build", "--secret", "id=a,src=/nonexistent/s", "."], "/nonexistent/s: no such file or directory"],
  [["build", "--ssh", "default", "."], "make sure SSH_AUTH_SOCK is set"],
  [["build", "--ssh", "default=/etc/passwd", "."], "ssh-add /etc/passwd"],
  [["build", "--progress", "tty", "."], "--progress=tty needs a terminal"],
  [["build", "--build-context", "a=/nonexistent/c", "."], "failed to get build context a"],
  [["build", "--output", "type=local,dest=/etc/passwd", "."], "/etc/passwd is a file"],
  [["build", "-o", "-", "-o", "type=oci", "."], "only one output"],
])("%p is refused before a daemon is asked", async (line, message) => {
  const { code, err } = await gantry("unix:///nonexistent/socket", line);
  expect([code, err]).toEqual([1, expect.stringContaining(message)]);
});

test("flags for what there is none of here are taken, but not in silence", async () => {
  await using s = await served();
  const line = [
    "build",
    "-q",
    "--builder",
    "other",
    "--isolation",
    "hyperv",
    "--security-opt",
    "x",
    "--rm=false",
    "--compress",
    "--force-rm",
  ];
  const { code, err } = await s.run([...line, s.context]);
  expect(code).toBe(0);
  expect(err.match(/^WARNING: --(builder other|isolation hyperv|security-opt) is not used/gm)?.length).toBe(3);
  expect((await s.run(["build", "-q", "--builder", "default", s.context])).err).toBe("");
});

test("no daemon is Docker's words", async () => {
  const { code, err } = await gantry("unix:///nonexistent/socket", ["build", "."]);
  expect([code, err]).toEqual([
    1,
    expect.stringContaining("Cannot connect to the Docker daemon at unix:///nonexistent/socket"),
  ]);
});
