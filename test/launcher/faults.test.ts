import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { closeSync, existsSync, openSync, readdirSync, readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { silentLogger } from "../../src/base/logger.ts";
import { cstring, ptr, syscall } from "../../src/kernel/libc.ts";
import { readStartTicks } from "../../src/kernel/process.ts";
import { createLauncher } from "../../src/runtime/launcher/create-launcher.ts";
import type { Attachment, LaunchError } from "../../src/runtime/launcher/launcher.ts";
import { at } from "../../src/runtime/plan/launch-plan.ts";
import { ALL, type Box, createBox, LAUNCHER, OUTPUT, obstacle, readUntil } from "./box.ts";

const S_IFIFO = 0o010000;
const AT_FDCWD = -100;
const MAX_CLIENTS = 64;

describe.skipIf(obstacle() !== undefined)("faults", () => {
  let box: Box;
  beforeAll(async () => {
    box = await createBox();
  });
  afterAll(() => box[Symbol.asyncDispose]());

  const socketOf = (id: string) => join(box.dir, "run", `${id}.sock`);

  test("a launcher that is killed before the program runs takes the child with it", async () => {
    const fifo = join(box.dir, "fifo");
    const path = cstring(fifo);
    syscall("mknodat", fifo, AT_FDCWD, ptr(path), S_IFIFO | 0o600, 0);
    const launching = box.run({
      argv: ["true"],
      mounts: [at("enter", "write-file", { path: fifo, data: "x" })],
    });
    const failed = launching.then(
      () => undefined,
      (error: unknown) => error as LaunchError,
    );
    const [launcher, child] = await eventually(() => blockedPair());
    process.kill(launcher, "SIGKILL");
    await eventually(() => (existsSync(`/proc/${child}`) ? undefined : true));
    expect((await failed)?.code).toBe("ECHILD");
    expect(readdirSync(join(box.dir, "run")).filter((name) => name.endsWith(".sock"))).toEqual([]);

    /** The launcher of this test, and its child, which waits in open(2) for a reader of the pipe. */
    function blockedPair(): [number, number] | undefined {
      const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
      const launchers = pids.filter((pid) => read(`/proc/${pid}/comm`) === "gantry-launcher\n");
      for (const pid of launchers) {
        if (
          !read(`/proc/${pid}/wchan`).includes("wait_for_partner") &&
          !read(`/proc/${pid}/stack`).includes("wait_for_partner")
        )
          continue;
        const parent = Number(/PPid:\t(\d+)/.exec(read(`/proc/${pid}/status`))?.[1]);
        return [parent, Number(pid)];
      }
      return undefined;
    }
  });

  test("a task whose launcher is killed is killed as well, never left running unseen", async () => {
    const { id, task } = await box.start({ argv: ["sleep", "100"], namespaces: ["mnt", "pid"] });
    const launcher = Number(/PPid:\t(\d+)/.exec(read(`/proc/${task.pid}/status`))?.[1]);
    process.kill(launcher, "SIGKILL");
    expect(await task.exited).toMatchObject({ code: 137, signal: 9 });
    await eventually(() => (readStartTicks(task.pid) === task.startTicks ? undefined : true));
    expect(await box.launcher.adopt(id)).toEqual({ state: "unknown" });
    await box.launcher.forget(id);
  });

  test("a client that vanishes with unread input does not keep the launcher busy", async () => {
    const { task, attachments } = await box.start({ argv: ["sleep", "100"], supervise: { stdin: true } }, [ALL]);
    const stream = attachments[0] as Attachment;
    await new Promise((resolve) => {
      stream.write(Buffer.alloc(300_000), resolve);
      setTimeout(resolve, 300);
    });
    stream.destroy();
    const launcher = Number(/PPid:\t(\d+)/.exec(read(`/proc/${task.pid}/status`))?.[1]);
    const before = cpuTicks(launcher);
    await Bun.sleep(300);
    expect(cpuTicks(launcher) - before).toBeLessThan(3);
    const again = await task.attach(OUTPUT);
    await task.signal(9);
    await task.exited;
    again.destroy();
  });

  test("garbage, half frames and silent connections harm nobody; there is a limit to them", async () => {
    const { id, task, attachments } = await box.start({ argv: ["cat"], supervise: { stdin: true } }, [ALL]);
    const stream = attachments[0] as Attachment;
    const garbage = [
      Buffer.alloc(100, 0xff),
      Buffer.alloc(5, 1),
      Buffer.from([1, 0, 0, 0, 0, 0, 0, 99]),
      Buffer.alloc(0),
    ];
    const sockets: Socket[] = [];
    for (let i = 0; i < MAX_CLIENTS + 20; i++) {
      const socket = connect(socketOf(id));
      socket.on("error", () => undefined);
      await new Promise((resolve) => socket.once("connect", resolve).once("close", resolve));
      socket.write(garbage[i % garbage.length] ?? "");
      sockets.push(socket);
    }
    stream.write("still here\n");
    await readUntil(stream, /still here/);
    for (const socket of sockets) socket.destroy();
    const later = await attachUntilServed();
    stream.write("more\n");
    await readUntil(later, /more/);
    await task.signal(9);
    expect((await task.exited).code).toBe(137);

    /** The slots are free again once the launcher has seen the others hang up, which a new connection may overtake. */
    async function attachUntilServed(): Promise<Attachment> {
      for (;;) {
        const attachment = await task.attach(OUTPUT);
        stream.write("ping\n");
        const served = await readUntil(attachment, /ping/).catch(() => undefined);
        if (served !== undefined) return attachment;
      }
    }
  });

  test("1000 attach, resize and detach leave the launcher with the descriptors it had", async () => {
    const terminal = at("enter", "terminal", { rows: 24, columns: 80, console: true, uid: 0 });
    const { task } = await box.start({
      argv: ["sleep", "100"],
      supervise: { tty: true, stdin: true },
      process: [terminal],
    });
    const launcher = Number(/PPid:\t(\d+)/.exec(read(`/proc/${task.pid}/status`))?.[1]);
    const descriptors = () => readdirSync(`/proc/${launcher}/fd`).length;
    const before = descriptors();
    for (let i = 0; i < 1000; i++) {
      const attachment = await task.attach(ALL);
      await task.resize(24, 80 + (i % 50));
      attachment.destroy();
    }
    await eventually(() => (descriptors() <= before ? true : undefined));
    await task.signal(9);
    await task.exited;
  });

  test("a socket path longer than an address is reached through its directory", async () => {
    const deep = join(box.dir, "d".repeat(90));
    const launcher = await createLauncher({ runDir: deep, binaryPath: LAUNCHER, logger: silentLogger });
    const id = "a".repeat(64);
    const supervise = { exitRecordPath: launcher.exitRecordPath(id) };
    const plan = box.plan(id, { argv: ["sh", "-c", "exit 3"], supervise });
    const { task } = await launcher.launch({ plan, fds: [], attachments: [OUTPUT] });
    expect((await task.exited).code).toBe(3);
    launcher.close();
  });

  test("the daemon's other descriptors do not reach the launcher", async () => {
    const fd = openSync("/dev/zero", "r");
    const { task } = await box.start({ argv: ["sleep", "100"] });
    const launcher = /PPid:\t(\d+)/.exec(read(`/proc/${task.pid}/status`))?.[1];
    const count = readdirSync(`/proc/${launcher}/fd`).length;
    expect(count).toBeLessThan(12);
    closeSync(fd);
    await task.signal(9);
    await task.exited;
  });
});

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

/** User and system time, in ticks of 10 ms. */
function cpuTicks(pid: number): number {
  const fields = read(`/proc/${pid}/stat`).split(") ")[1]?.split(" ") ?? [];
  return Number(fields[11]) + Number(fields[12]);
}

async function eventually<T>(probe: () => T | undefined): Promise<T> {
  for (let i = 0; i < 500; i++) {
    const found = probe();
    if (found !== undefined) return found;
    await Bun.sleep(10);
  }
  throw new Error("waited too long");
}
