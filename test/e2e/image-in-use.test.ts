import { afterAll, beforeAll, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { startDaemon, type TestDaemon } from "../harness/daemon.ts";
import { until } from "../harness/until.ts";

let daemon: TestDaemon;
beforeAll(async () => {
  daemon = await startDaemon();
});
afterAll(() => daemon[Symbol.asyncDispose]());

/** Committed layers are directories with a number for a name. */
const layers = () => readdirSync(`${daemon.dataRoot}/snapshots`).filter((name) => /^\d+$/.test(name));
const create = (name: string) =>
  daemon.call("POST", `/containers/create?name=${name}`, { Image: "busybox", Cmd: ["cat", "/etc/passwd"] });

test("an image that is removed by force stays below its containers until the last of them is removed", async () => {
  await create("one");
  await create("two");
  const before = layers();
  expect(before.length).toBeGreaterThan(0);
  await daemon.call("DELETE", "/images/busybox?force=1");
  expect(layers()).toEqual(before);
  await daemon.kill9();
  await daemon.start();
  expect(layers()).toEqual(before);
  await daemon.call("POST", "/containers/one/start");
  expect(await daemon.call("POST", "/containers/one/wait")).toMatchObject({ StatusCode: 0 });
  await daemon.call("DELETE", "/containers/one");
  expect(layers()).toEqual(before);
  await daemon.call("DELETE", "/containers/two");
  await until("the layers are gone", () => layers().length === 0);
});
