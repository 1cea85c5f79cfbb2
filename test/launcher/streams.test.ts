import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Attachment } from "../../src/runtime/launcher/launcher.ts";
import { at } from "../../src/runtime/plan/launch-plan.ts";
import {
  ALL,
  type Box,
  createBox,
  OUTPUT,
  obstacle,
  parseLog,
  REPOSITORY,
  readAll,
  readUntil,
  splitFrames,
} from "./box.ts";

const MEGABYTE = 1024 * 1024;
const STDIN = { stdin: true };
const terminal = at("enter", "terminal", { rows: 30, columns: 100, console: true, uid: 0 });

describe.skipIf(obstacle() !== undefined)("streams", () => {
  let box: Box;
  beforeAll(async () => {
    box = await createBox();
  });
  afterAll(() => box[Symbol.asyncDispose]());

  async function startAttached(argv: string[], supervise = {}, attachments = [ALL]) {
    const { task, attachments: streams, id } = await box.start({ argv, supervise }, attachments);
    return { id, task, stream: streams[0] as Attachment, streams };
  }

  test("a client that attached before the start misses no byte", async () => {
    for (let i = 0; i < 30; i++) {
      const { stream, task } = await startAttached(["echo", "first"], {}, [OUTPUT]);
      expect(splitFrames(await readAll(stream)).stdout).toBe("first\n");
      await task.exited;
    }
  });

  test("the half-close of the first client ends the input with stdinOnce; output still comes", async () => {
    const { stream, task } = await startAttached(["sh", "-c", "cat; echo done"], { stdin: true, stdinOnce: true });
    stream.write("abc");
    stream.end("def\n");
    expect(splitFrames(await readAll(stream)).stdout).toBe("abcdef\ndone\n");
    expect((await task.exited).code).toBe(0);
  });

  test("without stdinOnce the input stays open until it is closed by request", async () => {
    const { stream, task } = await startAttached(["cat"], STDIN);
    stream.end("one\n");
    await readUntil(stream, /one/);
    const second = await task.attach(ALL);
    second.write("two\n");
    await readUntil(second, /two/);
    await task.closeStdin();
    expect((await task.exited).code).toBe(0);
  });

  test("without stdin the program reads an end at once", async () => {
    const { exit, stdout } = await box.run({ argv: ["sh", "-c", "cat; readlink /proc/self/fd/0"] });
    expect({ code: exit.code, stdout }).toEqual({ code: 0, stdout: "/dev/null\n" });
  });

  test("10 MB in and out again are the same bytes", async () => {
    const { stream } = await startAttached(["cat"], { stdin: true, stdinOnce: true });
    const sent = Buffer.alloc(10 * MEGABYTE, "0123456789abcdef\n");
    const received = readAll(stream);
    stream.end(sent);
    const { stdout } = splitFrames(await received);
    expect(Bun.hash(stdout)).toBe(Bun.hash(sent.toString("latin1")));
  });

  test("all clients get everything; each only the streams it asked for", async () => {
    const requests = [OUTPUT, { ...OUTPUT, stderr: false }, { ...OUTPUT, stdout: false }];
    const { streams } = await startAttached(["sh", "-c", "seq 1 20000; echo err >&2"], {}, requests);
    const [both, out, err] = await Promise.all(streams.map((stream) => readAll(stream).then(splitFrames)));
    expect(both?.stdout.length).toBe(108_894);
    expect(both?.stderr).toBe("err\n");
    expect(out).toEqual({ stdout: both?.stdout ?? "", stderr: "" });
    expect(err).toEqual({ stdout: "", stderr: "err\n" });
  });

  test("a client that does not read holds the program back, and one that goes away lets it go on", async () => {
    const script = `dd if=/dev/zero bs=64k count=320 2>/dev/null; echo finished > /tmp/finished`;
    const { stream, task } = await startAttached(["sh", "-c", script], { log: undefined }, [OUTPUT]);
    stream.pause();
    await settled(() => task.pid);
    expect(await ended(task.exited)).toBe(false);
    stream.destroy();
    expect((await task.exited).code).toBe(0);
  });

  test("a client that does not read does not delay the word of the end for long, and finds the rest when it reads", async () => {
    const { stream, task, id } = await startAttached(["yes", "0123456789"], {}, [OUTPUT]);
    stream.pause();
    await settled(() => task.pid);
    await task.signal(9);
    expect((await task.exited).signal).toBe(9);
    const output = splitFrames(await readAll(stream)).stdout;
    expect(output.length).toBeGreaterThan(250_000);
    expect(
      parseLog(readFileSync(box.logPath(id), "utf8"))
        .map(({ log }) => log)
        .join(""),
    ).toBe(output);
  });

  test("a slow reader gets all of it", async () => {
    const { stream, task } = await startAttached(["dd", "if=/dev/zero", "bs=64k", "count=160"], {}, [OUTPUT]);
    let bytes = 0;
    for await (const chunk of stream) {
      bytes += (chunk as Buffer).length;
      if (bytes % 7 === 0) await Bun.sleep(1);
    }
    expect(bytes).toBeGreaterThan(10 * MEGABYTE);
    expect((await task.exited).code).toBe(0);
  });

  test("a client that joins late gets what comes from then on", async () => {
    const { stream, task } = await startAttached(["cat"], STDIN);
    stream.write("early\n");
    await readUntil(stream, /early/);
    const late = await task.attach(OUTPUT);
    stream.write("late\n");
    expect(await readUntil(late, /late/)).not.toContain("early");
    await task.signal(9);
    expect((await readAll(late)).length).toBe(0);
  });

  test("a terminal is raw, has the size it was given, follows resizes and is /dev/console", async () => {
    const plan = {
      argv: [
        "sh",
        "-c",
        "stty size; trap 'stty size; exit 4' WINCH; tty; [ -c /dev/console ] && echo console; echo ready; read x; sleep 5",
      ],
      supervise: { tty: true, stdin: true },
      process: [terminal],
      env: ["PATH=/bin", "TERM=xterm"],
    };
    const { task, attachments } = await box.start(plan, [ALL]);
    const stream = attachments[0] as Attachment;
    const first = await readUntil(stream, /ready/);
    expect(first).toContain("30 100\r\n");
    expect(first).toContain("console\r\n");
    const rest = readAll(stream);
    await task.resize(50, 132);
    stream.write("\n");
    expect((await rest).toString()).toContain("50 132\r\n");
    expect((await task.exited).code).toBe(4);
  });

  test("^C on a terminal reaches the program, with init as well", async () => {
    for (const process of [[terminal], [terminal, at("enter", "init", {})]]) {
      const argv = ["sh", "-c", "trap 'echo caught; exit 6' INT; echo ready; while :; do sleep 0.05; done"];
      const { task, attachments } = await box.start({ argv, supervise: { tty: true, stdin: true }, process }, [ALL]);
      const stream = attachments[0] as Attachment;
      await readUntil(stream, /ready/);
      stream.write("\x03");
      expect((await readAll(stream)).toString()).toContain("caught");
      expect((await task.exited).code).toBe(6);
    }
  });

  test("the last output on a terminal is not lost at the end", async () => {
    for (let i = 0; i < 20; i++) {
      const argv = ["sh", "-c", "seq 1 2000; echo last"];
      const { attachments } = await box.start({ argv, supervise: { tty: true }, process: [terminal] }, [OUTPUT]);
      expect((await readAll(attachments[0] as Attachment)).toString().endsWith("last\r\n")).toBe(true);
    }
  });

  test("with abandonOutput a process that keeps the pipes open does not delay the end", async () => {
    const argv = ["sh", "-c", "sleep 100 & echo out"];
    const namespaces = ["mnt" as const];
    const { task, attachments } = await box.start({ argv, namespaces, supervise: { abandonOutput: true } }, [OUTPUT]);
    expect(splitFrames(await readAll(attachments[0] as Attachment)).stdout).toBe("out\n");
    expect((await task.exited).code).toBe(0);
    await killByParent(task.pid);
  });

  test("a daemon that is killed loses neither output nor status; the next one adopts the task", async () => {
    const child = Bun.spawn([process.execPath, join(REPOSITORY, "test/launcher/doomed-daemon.ts"), box.dir], {
      stdout: "pipe",
      stderr: "inherit",
    });
    const id = (await new Response(child.stdout).text()).trim();
    await child.exited;
    expect(child.signalCode).toBe("SIGKILL");
    const adoption = await box.launcher.adopt(id);
    if (adoption.state !== "running") throw new Error(`adopted as ${adoption.state}`);
    const stream = await adoption.task.attach(ALL);
    stream.write("go\n");
    expect(splitFrames(await readAll(stream)).stdout).toBe("got go\n");
    expect(await adoption.task.exited).toMatchObject({ code: 11 });
    expect(await Bun.file(box.logPath(id)).text()).toContain("before");
    expect(await box.launcher.adopt(id)).toMatchObject({ state: "exited", exit: { code: 11 } });
  });
});

async function ended(promise: Promise<unknown>): Promise<boolean> {
  return Promise.race([promise.then(() => true), Bun.sleep(0).then(() => false)]);
}

/** Until the process has stopped making progress: it is blocked in a write. */
async function settled(pid: () => number): Promise<void> {
  for (let same = 0, last = ""; same < 5; ) {
    const io = await Bun.file(`/proc/${pid()}/io`)
      .text()
      .catch(() => "");
    same = io === last ? same + 1 : 0;
    last = io;
    await Bun.sleep(20);
  }
}

/** Ends what the task left running in the host's pid namespace: its process group, which it led. */
async function killByParent(group: number): Promise<void> {
  try {
    process.kill(-group, "SIGKILL");
  } catch {
    // gone by itself
  }
}
