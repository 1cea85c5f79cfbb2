import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { until } from "../harness/until.ts";
import type { Step } from "./doomed-daemon.ts";
import { leftovers, openTestContainers, removeTerritory, type TestContainers } from "./territory.ts";

let directory: string;
let system: TestContainers | undefined;

beforeEach(() => {
  directory = mkdtempSync(`${tmpdir()}/gantry-recovery-`);
});

afterEach(async () => {
  if (system !== undefined) await removeTerritory(directory, system);
  system = undefined;
});

const never = new AbortController().signal;

/** Runs the steps in a process of their own, then kills it (unless a failpoint did). Returns what each step said. */
async function doomed(steps: Step[], failpoint = ""): Promise<string[]> {
  const child = Bun.spawn([process.execPath, `${import.meta.dir}/doomed-daemon.ts`, directory, JSON.stringify(steps)], {
    env: { ...process.env, GANTRY_FAILPOINT: failpoint },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "inherit",
  });
  let text = "";
  for await (const piece of child.stdout) {
    text += Buffer.from(piece).toString();
    if (text.endsWith("done\n")) child.kill("SIGKILL");
  }
  await child.exited;
  expect(child.signalCode).toBe("SIGKILL");
  return text.split("\n").filter((line) => line !== "" && line !== "done");
}

/** The records say that everything ran under another boot of the kernel. */
async function pretendReboot(): Promise<void> {
  const { Database } = await import("bun:sqlite");
  const database = new Database(`${directory}/data/records/containers.db`);
  database.run('UPDATE containers SET run = replace(run, \'"bootId":"\', \'"bootId":"other-\')');
  database.close();
}

async function reopened(): Promise<TestContainers> {
  system = await openTestContainers(directory);
  await system.containers.recover();
  return system;
}

async function statuses({ containers }: TestContainers): Promise<string[]> {
  const all = await containers.list({ all: true, limit: 0, size: false, filters: {} });
  return all.map((container) => `${container.spec.name} ${container.state.status}`).sort();
}

async function nothingLeft({ containers, volumes }: TestContainers): Promise<void> {
  for (const { id } of await containers.list({ all: true, limit: 0, size: false, filters: {} })) {
    await containers.remove(id, { force: true, volumes: true, link: false });
  }
  await volumes.prune({ all: ["true"] });
  let left: string[] = [];
  await until("nothing is left", () => {
    left = leftovers(directory);
    return left.length === 0;
  }).catch(() => {});
  expect(left).toEqual([]);
}

describe("a daemon that was killed", () => {
  test("finds its containers running, with their endpoints, execs and exit codes to come", async () => {
    const [, execLine = ""] = await doomed([
      {
        do: "start",
        name: "alive",
        command: ["sh", "-c", "trap 'exit 9' TERM; echo ready; while :; do sleep 0.05; done"],
      },
      { do: "exec", name: "alive" },
    ]);
    const exec = execLine.split(" ")[1] ?? "";
    const { containers, endpoints } = await reopened();
    expect(endpoints.size).toBe(1);
    expect((await containers.get("alive")).state.status).toBe("running");
    expect(await containers.getExec(exec)).toMatchObject({ running: true });
    const { result } = containers.wait("alive", "not-running", never);
    await containers.stop("alive", {});
    expect(await result).toEqual({ code: 9 });
    expect(endpoints.size).toBe(0);
    await nothingLeft(system as TestContainers);
  });

  test("learns the exit code of what ended meanwhile, and removes what was to be removed", async () => {
    await doomed([
      { do: "start", name: "ended", command: ["sh", "-c", "sleep 0.2; exit 7"] },
      { do: "start", name: "gone", command: ["sh", "-c", "sleep 0.2"], changes: { autoRemove: true } },
    ]);
    await Bun.sleep(300);
    const { containers, events } = await reopened();
    await until(
      "both ends are handled",
      async () => (await statuses(system as TestContainers)).join() === "ended exited",
    );
    expect((await containers.get("ended")).state).toMatchObject({ exit: { code: 7 } });
    expect(events.filter((event) => event.action === "die")).toHaveLength(2);
    await nothingLeft(system as TestContainers);
  });

  test.each([
    ["a new daemon", false],
    ["a reboot", true],
  ])("starts what its policy wants running, but not what the user stopped: %s", async (_, rebooted) => {
    const policies = ["always", "unless-stopped", "on-failure", "no"] as const;
    const started = (name: string, policy: (typeof policies)[number]): Step => {
      const restart = { name: policy, maximumRetryCount: 0 };
      return { do: "start", name, command: ["sleep", "600"], changes: { restart } };
    };
    await doomed([
      ...policies.flatMap((policy) => [started(policy, policy), started(`${policy}-stopped`, policy)]),
      ...policies.map((policy): Step => ({ do: "stop", name: `${policy}-stopped` })),
      { do: "start", name: "temporary", command: ["sleep", "600"], changes: { autoRemove: true } },
    ]);
    if (rebooted) await pretendReboot();
    const own = await reopened();
    const expected = [
      "always running",
      "always-stopped running",
      rebooted ? "no exited" : "no running",
      "no-stopped exited",
      "on-failure running",
      "on-failure-stopped exited",
      ...(rebooted ? [] : ["temporary running"]),
      "unless-stopped running",
      "unless-stopped-stopped exited",
    ];
    await until("the policies are obeyed", async () => (await statuses(own)).join() === expected.join(), {
      timeoutMs: 10_000,
    });
    await nothingLeft(own);
  });

  test("goes on with the health that it finds, and ends the probe of the one before", async () => {
    const probe = "test -e /checked || { touch /checked; exit; }; exec sleep 600";
    const limits = { intervalNs: 100e6, timeoutNs: 100e6, startPeriodNs: 0, startIntervalNs: 0, retries: 2 };
    await doomed([
      {
        do: "start",
        name: "checked",
        command: ["sleep", "600"],
        changes: { healthcheck: { test: ["CMD-SHELL", probe], ...limits, timeoutNs: 600e9 } },
      },
      { do: "healthy", name: "checked" },
    ]);
    const { containers } = await reopened();
    expect((await containers.get("checked")).health).toMatchObject({ status: "healthy", failingStreak: 0 });
    const processes = async () => (await containers.top("checked", "")).processes.length;
    await until("the new daemon probes, and one probe is all there is", async () => (await processes()) === 2);
    await containers.stop("checked", {});
    expect((await containers.get("checked")).health?.status).toBe("unhealthy");
    await nothingLeft(system as TestContainers);
  });

  test("does not take up a task of another boot", async () => {
    await doomed([{ do: "start", name: "old", command: ["sleep", "600"] }]);
    await pretendReboot();
    const own = await reopened();
    expect((await own.containers.get("old")).state).toMatchObject({ status: "exited", exit: { code: 255 } });
    await nothingLeft(own);
  });
});

const volumes: Step[] = [
  { do: "start", name: "one", command: ["sleep", "600"], changes: { anonymousVolumes: ["/data"] } },
  { do: "stop", name: "one" },
  { do: "remove", name: "one" },
];

describe("a daemon killed in the middle of", () => {
  test.each([
    ["create.recorded", ""],
    ["create.prepared", ""],
    ["start.attached", "one created"],
    ["start.launched", "one running"],
    ["stop.begin", "one running"],
    ["stop.signalled", "one running"],
    ["exit.begin", "one exited"],
    ["exit.recorded", "one exited"],
    ["remove.begin", ""],
    ["remove.record", ""],
  ])("%s leaves the container whole or not at all", async (failpoint, expected) => {
    await doomed(volumes, failpoint);
    const own = await reopened();
    expect((await statuses(own)).join()).toBe(expected);
    await nothingLeft(own);
  });
});
