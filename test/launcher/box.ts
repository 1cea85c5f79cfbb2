import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { randomId } from "../../src/base/ids.ts";
import { silentLogger } from "../../src/base/logger.ts";
import { createLauncher } from "../../src/runtime/launcher/create-launcher.ts";
import type { Attachment, AttachRequest, Exit, Launcher, Task } from "../../src/runtime/launcher/launcher.ts";
import {
  at,
  type LaunchPlan,
  type Namespace,
  type StagedOperation,
  type Supervise,
} from "../../src/runtime/plan/launch-plan.ts";

export const REPOSITORY = join(import.meta.dir, "../..");
/** Another build of it may be tried: the one with sanitizers. */
export const LAUNCHER = process.env.GANTRY_TEST_LAUNCHER ?? join(REPOSITORY, "build/launcher");
export const OUTPUT: AttachRequest = { stdin: false, stdout: true, stderr: true };
export const ALL: AttachRequest = { stdin: true, stdout: true, stderr: true };

const APPLETS =
  "sh true false cat ls echo printf id sleep kill head tail wc dd yes mount umount stty readlink stat grep seq env pwd md5sum touch ps test usleep tr hostname mknod".split(
    " ",
  );

/** Why these tests cannot run here, or undefined. */
export function obstacle(): string | undefined {
  if (process.getuid?.() !== 0) return "needs root";
  if (!existsSync("/bin/busybox")) return "needs /bin/busybox (busybox-static)";
  return undefined;
}

export interface BoxPlan {
  argv: string[];
  supervise?: Partial<Supervise>;
  namespaces?: Namespace[];
  /** After the root is mounted and /proc, /dev are there, before pivot-root. */
  mounts?: StagedOperation[];
  /** Between pivot-root and exec. */
  process?: StagedOperation[];
  cleanup?: StagedOperation[];
  env?: string[];
}

export interface Finished {
  exit: Exit;
  stdout: string;
  stderr: string;
  log: string;
  task: Task;
}

/** A directory with a small root file system, and a launcher of its own. Removed when it goes out of scope. */
export interface Box extends AsyncDisposable {
  dir: string;
  root: string;
  launcher: Launcher;
  logPath(id: string): string;
  plan(id: string, plan: BoxPlan): LaunchPlan;
  start(
    plan: BoxPlan,
    attachments?: AttachRequest[],
    fds?: number[],
  ): Promise<{ id: string; task: Task; attachments: Attachment[] }>;
  run(plan: BoxPlan): Promise<Finished>;
}

export async function createBox(binaryPath = LAUNCHER): Promise<Box> {
  const dir = mkdtempSync(join(tmpdir(), "gantry-launcher-test-"));
  const root = join(dir, "root");
  makeRoot(root);
  for (const name of ["mnt", "upper", "work"]) mkdirSync(join(dir, name));
  const launcher = await createLauncher({ runDir: join(dir, "run"), binaryPath, logger: silentLogger });
  const running = new Map<string, Task>();
  const logPath = (id: string) => join(dir, `${id}.log`);

  function plan(id: string, wanted: BoxPlan): LaunchPlan {
    const supervise = {
      exitRecordPath: launcher.exitRecordPath(id),
      log: { path: logPath(id), maxBytes: 0, maxFiles: 1 },
      tty: false,
      stdin: false,
      stdinOnce: false,
      abandonOutput: false,
      ...wanted.supervise,
    };
    return { id, supervise, operations: operations(wanted) };
  }

  function operations(wanted: BoxPlan): StagedOperation[] {
    return [
      at("clone", "clone", { namespaces: wanted.namespaces ?? ["pid", "net", "ipc", "uts", "mnt"] }),
      at("enter", "await-attend", {}),
      at("enter", "root-propagation", { propagation: "rslave" }),
      at("enter", "mount-overlay", {
        cwd: dir,
        target: join(dir, "mnt"),
        data: "lowerdir=root,upperdir=upper,workdir=work",
      }),
      at("enter", "open-root", { path: join(dir, "mnt") }),
      ...systemMounts(),
      ...(wanted.mounts ?? []),
      at("enter", "pivot-root", {}),
      ...(wanted.process ?? []),
      at("enter", "exec", { argv: wanted.argv, env: wanted.env ?? ["PATH=/bin"] }),
      ...(wanted.cleanup ?? []),
    ];
  }

  async function start(wanted: BoxPlan, attachments: AttachRequest[] = [], fds: number[] = []) {
    const id = randomId();
    const launched = await launcher.launch({ plan: plan(id, wanted), fds, attachments });
    running.set(id, launched.task);
    void launched.task.exited.then(() => running.delete(id));
    return { id, ...launched };
  }

  async function run(wanted: BoxPlan): Promise<Finished> {
    const { id, task, attachments } = await start(wanted, [OUTPUT]);
    const { stdout, stderr } = splitFrames(await readAll(attachments[0] as Attachment));
    const exit = await task.exited;
    const log = existsSync(logPath(id)) ? readFileSync(logPath(id), "utf8") : "";
    return { exit, stdout, stderr, log, task };
  }

  return {
    dir,
    root,
    launcher,
    logPath,
    plan,
    start,
    run,
    async [Symbol.asyncDispose]() {
      for (const task of running.values()) await task.signal(9).catch(() => false);
      await Promise.all([...running.values()].map((task) => task.exited));
      launcher.close();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

function makeRoot(root: string): void {
  for (const name of ["bin", "proc", "sys", "dev", "tmp", "etc"]) mkdirSync(join(root, name), { recursive: true });
  cpSync("/bin/busybox", join(root, "bin/busybox"));
  for (const name of APPLETS) symlinkSync("busybox", join(root, "bin", name));
}

function systemMounts(): StagedOperation[] {
  const attributes = { noSuid: true, noExec: true };
  const devpts = ["newinstance", "ptmxmode=0666", "mode=0620", "gid=5"];
  return [
    at("enter", "mount-fs", { fstype: "proc", source: "proc", target: "/proc", options: [], attributes }),
    at("enter", "mount-fs", {
      fstype: "tmpfs",
      source: "tmpfs",
      target: "/dev",
      options: ["mode=755"],
      attributes: { noSuid: true },
    }),
    at("enter", "mount-fs", { fstype: "devpts", source: "devpts", target: "/dev/pts", options: devpts, attributes }),
    at("enter", "make-node", { target: "/dev/null", kind: "c", major: 1, minor: 3, mode: 0o666, uid: 0, gid: 0 }),
    at("enter", "make-node", { target: "/dev/zero", kind: "c", major: 1, minor: 5, mode: 0o666, uid: 0, gid: 0 }),
  ];
}

export async function readAll(attachment: Attachment): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of attachment) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** Resolves as soon as what was read matches; rejects when the stream ends before. */
export async function readUntil(attachment: Attachment, pattern: RegExp): Promise<string> {
  let text = "";
  return new Promise((resolve, reject) => {
    const onData = (chunk: Buffer) => {
      text += chunk.toString("latin1");
      if (!pattern.test(text)) return;
      attachment.off("data", onData);
      resolve(text);
    };
    attachment.on("data", onData);
    attachment.once("end", () => reject(new Error(`ended before ${pattern}: ${JSON.stringify(text)}`)));
  });
}

/** Docker's stdcopy frames, taken apart. */
export function splitFrames(bytes: Buffer): { stdout: string; stderr: string } {
  const parts: [string[], string[]] = [[], []];
  for (let at = 0; at < bytes.length; ) {
    const stream = bytes[at];
    const length = bytes.readUInt32BE(at + 4);
    if (stream !== 1 && stream !== 2) throw new Error(`a frame of stream ${stream}`);
    parts[stream - 1]?.push(bytes.toString("latin1", at + 8, at + 8 + length));
    at += 8 + length;
  }
  return { stdout: parts[0].join(""), stderr: parts[1].join("") };
}

/** The log's payload and streams, each line parsed. */
export function parseLog(text: string): { log: string; stream: string; time: string }[] {
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as { log: string; stream: string; time: string });
}
