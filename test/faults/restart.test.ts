import { Database } from "bun:sqlite";
import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { readdirSync, readFileSync, statfsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Api, apiOf } from "../attacks/api.ts";
import { startDaemon, type TestDaemon } from "../harness/daemon.ts";
import { runProgram } from "../harness/run-program.ts";
import { until } from "../harness/until.ts";

/** What the next daemon makes of what an earlier one, or another boot, has left. */
let daemon: TestDaemon;
let api: Api;

beforeAll(async () => {
  daemon = await startDaemon();
  api = apiOf(daemon);
}, 60_000);
afterEach(async () => {
  await daemon?.removeContainers();
});
afterAll(() => daemon?.[Symbol.asyncDispose](), 60_000);

interface State {
  Status: string;
  ExitCode: number;
  Pid: number;
}
const state = async (id: string) => (await api.get<{ State: State }>(`/containers/${id}/json`)).State;

test("fault 65: of 40 containers each has its own exit code, and no line is lost or said twice", async () => {
  const script = "i=0; while [ $i -lt 20 ]; do i=$((i+1)); echo line $i; usleep 30000; done; exit $CODE";
  const ids = await Promise.all(
    Array.from({ length: 40 }, (_, index) =>
      api.start({ Cmd: ["sh", "-c", script], Env: [`CODE=${index}`], HostConfig: { NetworkMode: "none" } }),
    ),
  );
  await daemon.kill9();
  await Bun.sleep(1200);
  await daemon.start();
  const expected = `${Array.from({ length: 20 }, (_, index) => `line ${index + 1}`).join("\n")}\n`;
  for (const [index, id] of ids.entries()) {
    expect(await api.wait(id)).toBe(index);
    expect((await api.logs(id)).stdout).toBe(expected);
  }
}, 60_000);

test("fault 66: nothing of an earlier boot is trusted, and restart policies are obeyed", async () => {
  const always = await api.start({ Cmd: ["sleep", "100"], HostConfig: { RestartPolicy: { Name: "always" } } });
  const once = await api.start({ Cmd: ["sleep", "100"] });
  const rested = await api.start({ Cmd: ["sleep", "100"], HostConfig: { RestartPolicy: { Name: "unless-stopped" } } });
  await api.call("POST", `/containers/${rested}/stop?t=0`);
  const { Pid } = await state(always);
  await daemon.kill9();
  // As after a power cut: the processes are gone, their traces are there, and the kernel is another one.
  for (const id of [always, once]) await endAllOf(id);
  writeFileSync(join(daemon.execRoot, "boot-id"), "00000000-0000-4000-8000-000000000000");
  await daemon.start();
  await until("it runs again", async () => (await state(always)).Status === "running");
  expect((await state(always)).Pid).not.toBe(Pid);
  expect((await state(once)).Status).toBe("exited");
  expect((await state(rested)).Status).toBe("exited");
}, 30_000);

/** Kills launcher and container at once, as the end of a machine does. */
async function endAllOf(id: string): Promise<void> {
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  for (const pid of pids) {
    try {
      if (readFileSync(`/proc/${pid}/cmdline`, "utf8").startsWith(`gantry-launcher\0${id}`))
        process.kill(Number(pid), "SIGKILL");
    } catch {
      // It ended by itself in between.
    }
  }
  await Bun.sleep(50);
}

test("fault 65: a pid that belongs to a stranger by now is not taken for the container", async () => {
  const id = await api.start({ Cmd: ["sleep", "100"] });
  await daemon.kill9();
  await endAllOf(id);
  const records = join(daemon.dataRoot, "records/containers.db");
  const stranger = Bun.spawn(["sleep", "60"]);
  const { Pid } = await patchedPid(records, id, stranger.pid);
  expect(Pid).not.toBe(stranger.pid);
  await daemon.start();
  expect((await state(id)).Status).toBe("exited");
  await api.call("DELETE", `/containers/${id}?force=1`);
  expect(stranger.exitCode).toBeNull();
  stranger.kill();
}, 30_000);

/** Puts another pid in the container's record. */
async function patchedPid(path: string, id: string, pid: number): Promise<{ Pid: number }> {
  const database = new Database(path);
  try {
    const table = (database.query("select name from sqlite_master where type='table'").all() as { name: string }[])
      .map(({ name }) => name)
      .find((name) => name.startsWith("container"));
    const row = database.query(`select * from ${table} where id = ?`).get(id) as Record<string, unknown>;
    const [column, text] = Object.entries(row).find(([, value]) => /"pid":\d+/.test(String(value))) ?? ["", ""];
    const before = Number(/"pid":(\d+)/.exec(String(text))?.[1]);
    database.run(`update ${table} set ${column} = ? where id = ?`, [
      String(text).replace(/"pid":\d+/, `"pid":${pid}`),
      id,
    ]);
    return { Pid: before };
  } finally {
    database.close();
  }
}

test("fault 71: a bind source whose file system hangs or is gone holds up nobody else", async () => {
  const source = join(daemon.directory, "gone");
  await runProgram(["mkdir", "-p", source]);
  await runProgram(["mount", "-t", "tmpfs", "tmpfs", source]);
  try {
    const id = await api.start({
      Cmd: ["sh", "-c", "cd /data; sleep 100"],
      HostConfig: { Binds: [`${source}:/data`] },
    });
    await runProgram(["umount", "-l", source]);
    const begun = performance.now();
    await daemon.kill9();
    await daemon.start();
    expect((await state(id)).Status).toBe("running");
    expect((await api.sh("echo served")).stdout).toBe("served\n");
    expect((await api.call("DELETE", `/containers/${id}?force=1`)).status).toBe(204);
    expect(performance.now() - begun).toBeLessThan(5000);
  } finally {
    await runProgram(["umount", "-l", source]);
  }
}, 30_000);

test("fault 72: records of a newer schema are refused with a way out, and not touched", async () => {
  const id = await api.create({ Cmd: ["true"] });
  await daemon.stop();
  for (const name of ["data.db", "containers.db"]) {
    const path = join(daemon.dataRoot, "records", name);
    const version = setVersion(path, 9999);
    const refusal = await daemon.start().then(() => "started", String);
    expect(refusal).toMatch(/schema version 9999.*use the newer/s);
    setVersion(path, version);
  }
  await daemon.start();
  expect((await state(id)).Status).toBe("created");
}, 30_000);

function setVersion(path: string, version: number): number {
  const database = new Database(path);
  const { user_version: before } = database.query("PRAGMA user_version").get() as { user_version: number };
  database.run(`PRAGMA user_version = ${version}`);
  database.close();
  return before;
}

test("fault 72: a record that cannot be read is refused or left out, the others are there", async () => {
  const kept = await api.create({ Cmd: ["true"] });
  await daemon.kill9();
  for (const name of readdirSync(join(daemon.dataRoot, "records")))
    expect(statfsSync(join(daemon.dataRoot, "records", name)).bsize).toBeGreaterThan(0);
  writeFileSync(join(daemon.execRoot, "boot-id"), "");
  writeFileSync(join(daemon.execRoot, "launchers", "not-an-id.exit"), "rubbish");
  writeFileSync(join(daemon.execRoot, "launchers", `${"a".repeat(64)}.exit`), "code 9999999999999999999999\n");
  await daemon.start();
  expect((await state(kept)).Status).toBe("created");
  await api.call("DELETE", `/containers/${kept}`);
  expect(await daemon.leakCheck()).toEqual([]);
}, 30_000);

test("nothing is left when every container is removed", async () => {
  expect(await daemon.leakCheck()).toEqual([]);
});
