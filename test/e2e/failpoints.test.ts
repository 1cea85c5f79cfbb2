import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { startDaemon, type TestDaemon } from "../harness/daemon.ts";
import { until } from "../harness/until.ts";

/**
 * The daemon is killed at each of its failpoints while it does a container's whole life through the API, with a volume, an
 * anonymous volume and a published port. The next daemon finds the container whole or not at all, and nothing is left over.
 * Another container serves a page all the while.
 */
let daemon: TestDaemon;
let neighbour: string;

beforeAll(async () => {
  daemon = await startDaemon();
}, 60_000);
afterAll(() => daemon?.[Symbol.asyncDispose](), 60_000);
afterEach(async () => {
  if (!(await daemon.request("/_ping").catch(() => undefined))?.ok) await daemon.start();
  await daemon.removeContainers();
});

const SERVE = "mkdir /www; hostname > /www/index.html; trap 'exit 0' TERM; httpd -f -p 80 -h /www & wait";

function webServer(name: string, more: object = {}) {
  const PortBindings = { "80/tcp": [{ HostIp: "127.0.0.1", HostPort: "" }] };
  const HostConfig = { PortBindings, ...more };
  return { Image: "busybox", Hostname: name, Cmd: ["sh", "-c", SERVE], Volumes: { "/scratch": {} }, HostConfig };
}

interface Inspected {
  State: { Status: string; ExitCode: number };
  NetworkSettings: { Ports: Record<string, { HostPort: string }[] | null> };
}

async function pageOf(name: string): Promise<string> {
  const { NetworkSettings } = await daemon.call<Inspected>("GET", `/containers/${name}/json`);
  const port = NetworkSettings.Ports["80/tcp"]?.[0]?.HostPort ?? "";
  return (await fetch(`http://127.0.0.1:${port}/`)).text();
}

async function startNeighbour(): Promise<void> {
  await daemon.call("POST", "/containers/create?name=neighbour", webServer("neighbour"));
  await daemon.call("POST", "/containers/neighbour/start");
  await until("the neighbour answers", async () => (await pageOf("neighbour")) === "neighbour\n");
  const { NetworkSettings } = await daemon.call<Inspected>("GET", "/containers/neighbour/json");
  neighbour = `http://127.0.0.1:${NetworkSettings.Ports["80/tcp"]?.[0]?.HostPort}/`;
}

/** Until the daemon dies in one of the steps. */
async function wholeLife(autoRemove: boolean): Promise<void> {
  const host = { AutoRemove: autoRemove, Binds: ["kept:/kept"] };
  const steps: [string, string, object?][] = [
    ["POST", "/containers/create?name=doomed", webServer("doomed", host)],
    ["POST", "/containers/doomed/start"],
    ["POST", "/containers/doomed/stop?t=5"],
    ["DELETE", "/containers/doomed?v=1"],
  ];
  let dead = false;
  const end = daemon.exited().then(() => {
    dead = true;
  });
  for (const [method, path, body] of steps) {
    await Promise.race([end, daemon.call(method, path, body, [404]).catch(() => end)]);
    // A stop before the server has its handler would find a process that ignores the signal.
    if (path.endsWith("/start")) await Promise.race([end, answers().catch(() => end)]);
    if (dead) return;
  }
  await end;
}

const answers = () => until("it answers", async () => (await pageOf("doomed")) === "doomed\n");

async function states(): Promise<string> {
  const list = await daemon.call<{ Names: string[]; State: string }[]>("GET", "/containers/json?all=1");
  const others = list.filter(({ Names }) => Names[0] !== "/neighbour");
  return others.map(({ Names, State }) => `${Names[0]?.slice(1)} ${State}`).join();
}

async function expectState(expected: string): Promise<void> {
  let found = "";
  await until("the state is as expected", async () => (found = await states()) === expected).catch(() => undefined);
  expect(found).toBe(expected);
}

const volumes = async () =>
  (await daemon.call<{ Volumes: { Name: string }[] | null }>("GET", "/volumes")).Volumes ?? [];

/** What is found afterwards, and what with --rm. */
const POINTS: [failpoint: string, plain: string, autoRemoved: string][] = [
  ["create.recorded", "", ""],
  ["create.prepared", "", ""],
  ["start.attached", "doomed created", "doomed created"],
  ["start.launched", "doomed running", "doomed running"],
  ["stop.begin", "doomed running", "doomed running"],
  ["stop.signalled", "doomed exited", ""],
  ["exit.begin", "doomed exited", ""],
  ["exit.recorded", "doomed exited", ""],
  ["remove.begin", "", ""],
  ["remove.record", "", ""],
];
const CASES = POINTS.flatMap(([failpoint, plain, removed]) => [
  { failpoint, autoRemove: false, found: plain },
  { failpoint, autoRemove: true, found: removed },
]);

describe("a daemon killed at", () => {
  test.each(CASES)("$failpoint (--rm: $autoRemove) leaves the container whole or not at all", async (one) => {
    const { failpoint, autoRemove, found } = one;
    await startNeighbour();
    await daemon.stop();
    await daemon.start({ GANTRY_FAILPOINT: failpoint });
    await daemon.call("POST", "/volumes/create", { Name: "kept" });
    await wholeLife(autoRemove);
    expect(await (await fetch(neighbour)).text()).toBe("neighbour\n");

    await daemon.start();
    await expectState(found);
    expect(await (await fetch(neighbour)).text()).toBe("neighbour\n");
    if (found === "doomed running") await answers();
    if (found === "doomed created") {
      await daemon.call("POST", "/containers/doomed/start");
      await answers();
    }
    expect(await daemon.leakCheck()).toEqual([]);
    expect((await volumes()).map(({ Name }) => Name)).toEqual(["kept"]);
    await daemon.call("DELETE", "/volumes/kept");
  });
});
