import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { type Api, apiOf } from "../attacks/api.ts";
import { loadProbeImage } from "../attacks/hostile-image.ts";
import { startDaemon, type TestDaemon } from "../harness/daemon.ts";
import { until } from "../harness/until.ts";

/** Processes that are killed by whoever can: the truth is told, nothing runs unseen, nothing is left. */
let daemon: TestDaemon;
let api: Api;

beforeAll(async () => {
  daemon = await startDaemon();
  api = apiOf(daemon);
  await loadProbeImage(daemon);
}, 60_000);
afterEach(() => daemon?.removeContainers());
afterAll(() => daemon?.[Symbol.asyncDispose](), 60_000);

interface State {
  Status: string;
  ExitCode: number;
  OOMKilled: boolean;
  Pid: number;
}

const state = async (id: string) => (await api.get<{ State: State }>(`/containers/${id}/json`)).State;
const runs = (pid: number) => existsSync(`/proc/${pid}`) && !/^State:\s+Z/m.test(readOr(`/proc/${pid}/status`));

function readOr(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

function parentOf(pid: number): number {
  return Number(/^PPid:\s+(\d+)/m.exec(readOr(`/proc/${pid}/status`))?.[1]);
}

/** Launchers of this daemon that carry an ID on their command line, and their children. */
function launcherFamily(id: string): number[] {
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  const launchers = pids
    .filter((pid) => readOr(`/proc/${pid}/cmdline`).startsWith(`gantry-launcher\0${id}`))
    .map(Number);
  return [...launchers, ...pids.map(Number).filter((pid) => launchers.includes(parentOf(pid)))];
}

describe("fault 22: killed between create and start", () => {
  test("whatever moment it is: the start fails or the container has exited, and its name is free again", async () => {
    for (let round = 0; round < 20; round++) {
      const id = await api.create({ Cmd: ["sleep", "100"] }, "doomed");
      const starting = api.call("POST", `/containers/${id}/start`);
      const deadline = performance.now() + 200;
      let killed = 0;
      while (killed === 0 && performance.now() < deadline) {
        for (const pid of launcherFamily(id).slice(round % 2)) {
          killed++;
          process.kill(pid, "SIGKILL");
        }
        await Bun.sleep(round % 5);
      }
      const started = await starting;
      if (started.status === 204 && killed > 0)
        await until("it has exited", async () => (await state(id)).Status === "exited");
      else if (started.status !== 204) expect((await state(id)).Status).toMatch(/created|exited/);
      expect((await api.call("DELETE", `/containers/${id}?force=1`)).status).toBe(204);
    }
    expect(await daemon.leakCheck()).toEqual([]);
  }, 60_000);
});

describe("fault 67: the launcher is killed", () => {
  test("its container is killed with it and has exited, also when no daemon is there", async () => {
    for (const daemonIsThere of [true, false]) {
      const id = await api.start({ Cmd: ["sleep", "100"] });
      const { Pid } = await state(id);
      const launcher = parentOf(Pid);
      if (!daemonIsThere) await daemon.kill9();
      process.kill(launcher, "SIGKILL");
      if (!daemonIsThere) {
        await Bun.sleep(100);
        await daemon.start();
      }
      await until("it has exited", async () => (await state(id)).Status === "exited");
      // Nobody saw the end of one whose launcher died while no daemon was there: Docker's code for that is 255.
      expect((await state(id)).ExitCode).toBe(daemonIsThere ? 137 : 255);
      await until("its process is gone", () => !runs(Pid));
      expect((await api.call("DELETE", `/containers/${id}`)).status).toBe(204);
    }
    expect(await daemon.leakCheck()).toEqual([]);
  }, 30_000);

  test("a restart policy takes it up again", async () => {
    const id = await api.start({ Cmd: ["sleep", "100"], HostConfig: { RestartPolicy: { Name: "always" } } });
    const { Pid } = await state(id);
    process.kill(parentOf(Pid), "SIGKILL");
    await until("it runs again", async () => (await state(id)).Status === "running" && (await state(id)).Pid !== Pid);
    expect(runs(Pid)).toBe(false);
  });
});

describe("fault 68: processes that make themselves many, or stay", () => {
  test("a flood of zombies: stop and rm return in time", async () => {
    const id = await api.start({ Image: "probe", Cmd: ["/probe", "zombies", "5000"] });
    await until("they are dead", async () => (await api.logs(id)).stdout.includes("ready"));
    const begun = performance.now();
    expect((await api.call("POST", `/containers/${id}/stop?t=0`)).status).toBe(204);
    expect((await api.call("DELETE", `/containers/${id}`)).status).toBe(204);
    expect(performance.now() - begun).toBeLessThan(5000);
    expect(await daemon.leakCheck()).toEqual([]);
  }, 30_000);

  test("a fork bomb stops at its limit, the daemon answers, and it can be removed", async () => {
    const bomb = "bomb() { bomb | bomb & }; bomb; while :; do :; done";
    const id = await api.start({ Cmd: ["sh", "-c", bomb], HostConfig: { PidsLimit: 50, NanoCpus: 500_000_000 } });
    await Bun.sleep(300);
    expect((await api.call("GET", "/containers/json")).status).toBe(200);
    const begun = performance.now();
    expect((await api.call("DELETE", `/containers/${id}?force=1`)).status).toBe(204);
    expect(performance.now() - begun).toBeLessThan(5000);
    expect(await daemon.leakCheck()).toEqual([]);
  }, 30_000);

  test("the first process ends while children of it hold its streams: the container ends, with all of them", async () => {
    const script = "(trap '' TERM HUP; sleep 500) & sleep 500 & echo first; exit 7";
    for (const HostConfig of [{}, { PidMode: "host" }]) {
      const id = await api.start({ Cmd: ["sh", "-c", script], HostConfig });
      expect(await api.wait(id)).toBe(7);
      expect((await api.logs(id)).stdout).toBe("first\n");
      await api.call("DELETE", `/containers/${id}`);
    }
    expect(await daemon.leakCheck()).toEqual([]);
  }, 30_000);

  test("a stopped first process is killed", async () => {
    const id = await api.start({ Cmd: ["sh", "-c", "sleep 500 & kill -STOP -1; while :; do sleep 1; done"] });
    process.kill((await state(id)).Pid, "SIGSTOP");
    const begun = performance.now();
    expect((await api.call("POST", `/containers/${id}/stop?t=1`)).status).toBe(204);
    expect(performance.now() - begun).toBeLessThan(5000);
    expect((await state(id)).ExitCode).toBe(137);
  }, 30_000);
});

describe("fault 69: out of memory", () => {
  const HostConfig = { Memory: 32 << 20, MemorySwap: 32 << 20 };

  test("of the first process: 137, and it says so", async () => {
    const id = await api.start({ Image: "probe", Cmd: ["/probe", "eat", "100"], HostConfig });
    expect(await api.wait(id)).toBe(137);
    expect(await state(id)).toMatchObject({ Status: "exited", ExitCode: 137, OOMKilled: true });
  }, 30_000);

  test("of a child: the container goes on, its end is its own", async () => {
    const script = "/probe eat 100; echo $?; exit 5";
    const id = await api.start({ Image: "probe", Cmd: ["sh", "-c", script], HostConfig });
    expect(await api.wait(id)).toBe(5);
    expect((await api.logs(id)).stdout).toBe("137\n");
  }, 30_000);

  test("of an exec: the exec is killed, the container goes on", async () => {
    const id = await api.start({ Image: "probe", Cmd: ["sleep", "100"], HostConfig });
    expect((await api.exec(id, ["/probe", "eat", "100"])).code).toBe(137);
    expect((await state(id)).Status).toBe("running");
    expect((await api.exec(id, ["echo", "well"])).stdout).toBe("well\n");
  }, 30_000);

  test("the daemon is a worse victim than containers", () => {
    const score = Number(readFileSync(`/proc/${daemon.pid()}/oom_score_adj`, "utf8"));
    expect(score).toBeLessThanOrEqual(Number(readFileSync("/proc/self/oom_score_adj", "utf8")));
  });
});

test("nothing is left when every container is removed", async () => {
  expect(await daemon.leakCheck()).toEqual([]);
});
