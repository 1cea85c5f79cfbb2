import { afterAll, beforeAll, expect, test } from "bun:test";
import { existsSync, writeFileSync } from "node:fs";
import { startDaemon, type TestDaemon } from "../harness/daemon.ts";
import { until } from "../harness/until.ts";

let daemon: TestDaemon;
beforeAll(async () => {
  daemon = await startDaemon();
});
afterAll(() => daemon[Symbol.asyncDispose]());

interface Inspected {
  State: { Status: string; Pid: number; ExitCode: number };
}
const inspect = (name: string) => daemon.call<Inspected>("GET", `/containers/${name}/json`);

async function run(name: string, policy: string): Promise<number> {
  const body = { Image: "busybox", Cmd: ["sleep", "600"], HostConfig: { RestartPolicy: { Name: policy } } };
  await daemon.call("POST", `/containers/create?name=${name}`, body);
  await daemon.call("POST", `/containers/${name}/start`);
  return (await inspect(name)).State.Pid;
}

test("what an exec root of another boot says is not believed; policies are obeyed", async () => {
  const [kept, lost] = [await run("kept", "always"), await run("lost", "no")];
  await daemon.kill9();
  writeFileSync(`${daemon.execRoot}/boot-id`, "00000000-0000-0000-0000-000000000000");
  await daemon.start();
  await until("the policy is obeyed", async () => (await inspect("kept")).State.Status === "running");
  expect((await inspect("kept")).State.Pid).not.toBe(kept);
  expect((await inspect("lost")).State).toMatchObject({ Status: "exited", ExitCode: 255 });
  // This reboot did not end them, so the daemon must have: nobody would ever learn of them.
  for (const pid of [kept, lost]) expect(existsSync(`/proc/${pid}`)).toBe(false);
  expect(await daemon.leakCheck()).toEqual([]);
});
