import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, lstatSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { GANTRY, startDaemon, type TestDaemon } from "../harness/daemon.ts";
import { runProgram } from "../harness/run-program.ts";
import { type Api, apiOf } from "./api.ts";

/** What other users of the host can see and reach of the daemon, whatever umask it was started with. */
let daemon: TestDaemon;
let api: Api;
let umask: number;

beforeAll(async () => {
  umask = process.umask(0);
  daemon = await startDaemon();
  api = apiOf(daemon);
  await api.start({ Cmd: ["sleep", "100"], Volumes: { "/data": {} }, OpenStdin: true });
}, 60_000);
afterAll(async () => {
  process.umask(umask);
  await daemon?.[Symbol.asyncDispose]();
}, 60_000);

const mode = (path: string) => lstatSync(path).mode & 0o7777;

describe("attack 53", () => {
  test("the API's socket is for root and its group, launchers' sockets are for root", () => {
    expect(mode(daemon.socket)).toBe(0o660);
    expect(lstatSync(daemon.socket).uid).toBe(0);
    const launchers = join(daemon.execRoot, "launchers");
    expect(mode(launchers) & 0o077).toBe(0);
    for (const name of readdirSync(launchers)) expect([name, mode(join(launchers, name)) & 0o077]).toEqual([name, 0]);
  });

  test("nobody else may read or enter the daemon's directories", () => {
    for (const root of [daemon.dataRoot, daemon.execRoot]) {
      expect([root, mode(root) & 0o007]).toEqual([root, 0]);
      for (const name of readdirSync(root)) {
        const path = join(root, name);
        // The empty directory that roots are mounted on.
        if (name === "rootfs") continue;
        if (lstatSync(path).isDirectory()) expect([name, mode(path) & 0o006]).toEqual([name, 0]);
        else expect([name, mode(path) & 0o022]).toEqual([name, 0]);
      }
    }
  });

  test("records, logs and images are not for others to write", () => {
    const writable = readdirSync(daemon.dataRoot, { recursive: true, withFileTypes: true }).filter((entry) => {
      const path = join(entry.parentPath, entry.name);
      // What is in images has the modes that the images give it.
      if (path.includes("/snapshots/") || entry.isSymbolicLink()) return false;
      return existsSync(path) && (mode(path) & 0o002) !== 0;
    });
    expect(writable.map((entry) => join(entry.parentPath, entry.name))).toEqual([]);
  });

  test("another user reaches neither socket nor files", async () => {
    const as = (script: string) =>
      runProgram(["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "sh", "-c", script]);
    expect((await as(`cat ${daemon.dataRoot}/records/*.db`)).code).not.toBe(0);
    expect((await as(`ls ${daemon.execRoot}/launchers`)).code).not.toBe(0);
    const ping = `curl -sS --max-time 2 --unix-socket ${daemon.socket} http://d/_ping`;
    expect((await as(ping)).stdout).not.toContain("OK");
  });

  test("no socket is in the abstract namespace", () => {
    const ours = new Set([daemon.pid(), ...launcherPids()].flatMap(socketInodes));
    const abstract = readFileSync("/proc/net/unix", "utf8")
      .split("\n")
      .map((line) => line.trim().split(/\s+/))
      .filter(([, , , , , , inode = "", path]) => path?.startsWith("@") === true && ours.has(inode));
    expect(abstract).toEqual([]);
  });
});

function launcherPids(): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, "utf8").startsWith("gantry-launcher");
      } catch {
        return false;
      }
    });
}

function socketInodes(pid: number): string[] {
  const folder = `/proc/${pid}/fd`;
  return readdirSync(folder).flatMap((fd) => {
    try {
      return /socket:\[(\d+)\]/.exec(readlinkSync(join(folder, fd)))?.[1] ?? [];
    } catch {
      return []; // closed in between
    }
  });
}

describe("attack 52", () => {
  const refused = async (...flags: string[]) => {
    const state = ["--data-root", join(daemon.directory, "other"), "--exec-root", join(daemon.directory, "other-exec")];
    return runProgram([...GANTRY, "daemon", ...state, "--bridge", "none", ...flags], { timeoutMs: 5000 });
  };

  test("an address of the network without TLS is refused", async () => {
    const { code, stderr, stdout } = await refused("-H", "tcp://0.0.0.0:0");
    expect(stderr + stdout).toMatch(/tls|TLS/);
    expect([0, 137]).not.toContain(code);
  });
});
