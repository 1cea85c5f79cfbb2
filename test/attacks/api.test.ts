import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { startDaemon, type TestDaemon } from "../harness/daemon.ts";
import { until } from "../harness/until.ts";
import { type Api, apiOf } from "./api.ts";

/** Clients that are many, slow, silent or long-winded, against a real daemon. */
let daemon: TestDaemon;
let api: Api;
const open = new Set<Socket>();

beforeAll(async () => {
  daemon = await startDaemon();
  api = apiOf(daemon);
}, 60_000);
afterEach(async () => {
  for (const socket of open) socket.destroy();
  open.clear();
  await daemon?.removeContainers();
});
afterAll(() => daemon?.[Symbol.asyncDispose](), 60_000);

const descriptors = () => readdirSync(`/proc/${daemon.pid()}/fd`).length;
const status = (field: string) =>
  Number(new RegExp(`^${field}:\\s+(\\d+)`, "m").exec(readFileSync(`/proc/${daemon.pid()}/status`, "utf8"))?.[1]);
const rssMib = () => status("VmRSS") / 1024;

/** A connection that sends `text` and then reads nothing. */
function silentClient(text: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(daemon.socket, () => {
      socket.pause();
      socket.write(text);
      open.add(socket);
      resolve(socket);
    });
    socket.on("error", reject);
  });
}

async function answersQuickly(): Promise<number> {
  const begun = performance.now();
  expect((await daemon.request("/_ping")).status).toBe(200);
  expect((await daemon.request("/containers/json")).status).toBe(200);
  return performance.now() - begun;
}

describe("attack 49: clients that are slow", () => {
  test("2000 connections with half a request: others are served, and all descriptors come back", async () => {
    await answersQuickly();
    const [before, rss] = [descriptors(), rssMib()];
    for (let batch = 0; batch < 100; batch++) {
      await Promise.all(Array.from({ length: 20 }, () => silentClient("GET /info HTTP/1.1\r\nHost: d\r\nX-Slow: ")));
      // The listener's queue has 512 places; an answer says that these have been taken out of it.
      await daemon.request("/_ping", { keepalive: false });
    }
    expect(descriptors()).toBeGreaterThan(before + 1900);
    expect(await answersQuickly()).toBeLessThan(2000);
    expect((await api.sh("echo served")).stdout).toBe("served\n");
    expect(rssMib() - rss).toBeLessThan(150);
    for (const socket of open) socket.destroy();
    await until("descriptors are freed", () => descriptors() <= before + 8);
  }, 60_000);

  test("logs, events and attach clients that never read hold neither memory nor others", async () => {
    const flood = "while :; do echo 0123456789012345678901234567890123456789012345678901234567890123456789; done";
    const id = await api.start({
      Cmd: ["sh", "-c", flood],
      HostConfig: { LogConfig: { Type: "json-file", Config: { "max-size": "1m", "max-file": "2" } } },
    });
    await answersQuickly();
    const [before, rss] = [descriptors(), rssMib()];
    const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: d\r\n\r\n`;
    for (let client = 0; client < 100; client++) {
      await silentClient(get(`/containers/${id}/logs?stdout=1&stderr=1&follow=1`));
      await silentClient(get("/events"));
    }
    expect(await answersQuickly()).toBeLessThan(2000);
    const neighbour = await api.sh("echo served");
    expect(neighbour.stdout).toBe("served\n");
    expect(rssMib() - rss).toBeLessThan(150);
    for (const socket of open) socket.destroy();
    await until("descriptors are freed", () => descriptors() <= before + 8);
    await api.call("POST", `/containers/${id}/kill`);
  }, 60_000);

  test("attach clients that never read leave when their connections end", async () => {
    const id = await api.start({ Cmd: ["sh", "-c", "while :; do echo flood; done"], OpenStdin: true });
    const before = descriptors();
    const upgrade = "Connection: Upgrade\r\nUpgrade: tcp\r\n";
    for (let client = 0; client < 20; client++)
      await silentClient(
        `POST /containers/${id}/attach?stream=1&stdout=1 HTTP/1.1\r\nHost: d\r\n${upgrade}Content-Length: 0\r\n\r\n`,
      );
    expect(await answersQuickly()).toBeLessThan(2000);
    for (const socket of open) socket.destroy();
    await until("descriptors are freed", () => descriptors() <= before + 8);
    expect((await api.call("POST", `/containers/${id}/kill`)).status).toBe(204);
  }, 60_000);
});

test("attack 51: 500 times attach, resize and exec leave what there was", async () => {
  const id = await api.start({ Cmd: ["cat"], Tty: true, OpenStdin: true });
  const turn = async () => {
    const attach = await silentClient(
      `POST /containers/${id}/attach?stream=1&stdout=1&stdin=1 HTTP/1.1\r\nHost: d\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n`,
    );
    await api.call("POST", `/containers/${id}/resize?h=30&w=100`);
    attach.destroy();
    open.delete(attach);
  };
  const round = async (turns: number) => {
    for (let done = 0; done < turns; done += 5) {
      await Promise.all(Array.from({ length: 5 }, turn));
      if (done % 25 === 0) expect((await api.exec(id, ["true"])).code).toBe(0);
    }
  };
  await round(100);
  const settled = () => ({ descriptors: descriptors(), threads: status("Threads"), rss: rssMib() });
  const before = settled();
  await round(500);
  await until("nothing more is open", () => descriptors() <= before.descriptors + 4);
  expect(status("Threads")).toBeLessThanOrEqual(before.threads + 2);
  expect(rssMib() - before.rss).toBeLessThan(60);
}, 60_000);

test("attack 51: endless output of an exec to a client that does not read holds no memory", async () => {
  const id = await api.start({ Cmd: ["sleep", "100"] });
  const made = await api.call("POST", `/containers/${id}/exec`, {
    AttachStdout: true,
    Cmd: ["sh", "-c", "exec cat /dev/zero"],
  });
  const { Id } = JSON.parse(made.text) as { Id: string };
  const rss = rssMib();
  const body = '{"Detach":false,"Tty":false}';
  const socket = await silentClient(
    `POST /exec/${Id}/start HTTP/1.1\r\nHost: d\r\nConnection: Upgrade\r\nUpgrade: tcp\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  );
  for (let read = 0; read < 5; read++) {
    expect(await answersQuickly()).toBeLessThan(1000);
    await Bun.sleep(100);
  }
  expect(rssMib() - rss).toBeLessThan(60);
  expect((await api.get<{ Running: boolean }>(`/exec/${Id}/json`)).Running).toBe(true);
  socket.destroy();
}, 60_000);

describe("attack 54: patterns that would take for ever", () => {
  const SLOW = [
    "(a+)+$",
    "(a|a)*$",
    "^(([a-z])+.)+$",
    "(.*)*x",
    "a*a*a*a*a*a*a*a*b",
    `${"a?".repeat(60)}${"a".repeat(60)}`,
  ];
  const name = "a".repeat(120);

  test.each(SLOW)("%s as a filter of names, images, volumes and networks", async (pattern) => {
    await api.create({ Cmd: ["true"] }, name);
    const filters = (key: string) => encodeURIComponent(JSON.stringify({ [key]: [pattern] }));
    const begun = performance.now();
    for (const path of [
      `/containers/json?all=1&filters=${filters("name")}`,
      `/containers/json?all=1&filters=${filters("id")}`,
      `/images/json?filters=${filters("reference")}`,
      `/volumes?filters=${filters("name")}`,
      `/networks?filters=${filters("name")}`,
      `/containers/json?all=1&filters=${filters("label")}`,
    ])
      expect((await api.call("GET", path)).status).toBeLessThan(500);
    expect(performance.now() - begun).toBeLessThan(2000);
  });

  test.each([
    ["a container's name", `/containers/create?name=${"a-".repeat(4000)}!`, { Image: "busybox" }],
    ["an image's name", "/containers/create", { Image: `${"a/".repeat(30_000)}!` }],
    ["a bind", "/containers/create", { Image: "busybox", HostConfig: { Binds: [":".repeat(100_000)] } }],
    [
      "a port",
      "/containers/create",
      { Image: "busybox", HostConfig: { PortBindings: { [`${"1".repeat(100_000)}-`]: [{}] } } },
    ],
    ["an environment", "/containers/create", { Image: "busybox", Env: ["=".repeat(500_000)] }],
    [
      "a device",
      "/containers/create",
      { Image: "busybox", HostConfig: { DeviceCgroupRules: [`c ${"*:".repeat(50_000)}`] } },
    ],
  ])("%s of a hundred thousand characters", async (_name, path, body) => {
    const begun = performance.now();
    expect((await api.call("POST", path, body)).status).toBeLessThan(500);
    expect(performance.now() - begun).toBeLessThan(2000);
  });
});

test("nothing is left when every container is removed", async () => {
  expect(await daemon.leakCheck()).toEqual([]);
});
