import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { startDaemon, type TestDaemon } from "../harness/daemon.ts";
import { type Api, apiOf } from "./api.ts";
import { loadHostileImage } from "./hostile-image.ts";

/** Configurations of images, and requests, whose strings want to be more than strings. */
let daemon: TestDaemon;
let api: Api;

beforeAll(async () => {
  daemon = await startDaemon();
  api = apiOf(daemon);
}, 60_000);
afterEach(() => daemon?.removeContainers());
afterAll(() => daemon?.[Symbol.asyncDispose](), 60_000);

describe("attack 9: volumes of an image that climb", () => {
  test.each(["/../../../../etc", "/..", "../../etc", "/a/../../../../etc", "/proc", "/", "/etc/../..", ""])(
    "%p",
    async (path) => {
      await loadHostileImage(daemon, { tag: "climber:latest", config: { Volumes: { [path]: {} } } });
      const names = readdirSync("/etc").join();
      const { code, stdout, error } = await api.sh("ls /etc | sort | head -3 | xargs; wc -l < /etc/passwd", {
        Image: "climber",
      });
      if (code === undefined) expect(error).not.toBe("");
      else expect(stdout).toMatch(/^(group hostname hosts|hostname hosts \S+)\n5\n$/);
      expect(readdirSync("/etc").join()).toBe(names);
      expect(existsSync("/etc/climbed")).toBe(false);
    },
  );
});

describe("attack 19: USER of an image or a request", () => {
  test.each(["0x0", "4294967296", "-1", "2147483648", " 1000", "1000 ", "+0", "0:0x0", "1000:4294967296", "00x0"])(
    "%p never runs as root",
    async (User) => {
      const { code, stdout } = await api.run({ User, Cmd: ["id", "-u"] });
      if (code === 0) expect(stdout).not.toBe("0\n");
      else expect(code).toBeUndefined();
    },
  );

  test("a number is a number, even where a user of that name is root", async () => {
    await loadHostileImage(daemon, {
      tag: "named:latest",
      config: { User: "1000" },
      files: (directory) =>
        Bun.write(`${directory}/etc/passwd`, "1000:x:0:0::/:/bin/sh\nroot:x:0:0::/:/bin/sh\n").then(() => undefined),
    });
    expect((await api.run({ Image: "named", Cmd: ["id", "-u"] })).stdout).toBe("1000\n");
  });
});

describe("attack 21: strings with line ends, NULs and a megabyte", () => {
  const EVIL = "a\n127.0.0.1 evil\r\nb";

  test("a host name with a line end does not reach /etc/hosts", async () => {
    const { code, stdout, error } = await api.run({ Hostname: EVIL, Cmd: ["cat", "/etc/hosts", "/etc/hostname"] });
    if (code === undefined) expect(error).not.toBe("");
    else expect(stdout).not.toMatch(/^127\.0\.0\.1 evil/m);
  });

  test.each([
    ["extra hosts", { HostConfig: { ExtraHosts: [`x:127.0.0.1\n127.0.0.1 evil`] } }],
    ["a DNS server", { HostConfig: { Dns: ["127.0.0.1\nnameserver 6.6.6.6"] } }],
    ["a search domain", { HostConfig: { DnsSearch: ["a\nnameserver 6.6.6.6"] } }],
    ["a DNS option", { HostConfig: { DnsOptions: ["a\nnameserver 6.6.6.6"] } }],
    ["a domain name", { Domainname: "a\n127.0.0.1 evil" }],
  ])("%s with a line end adds no line to files of the container", async (_name, request) => {
    const { stdout } = await api.run({ ...request, Cmd: ["cat", "/etc/hosts", "/etc/resolv.conf"] });
    expect(stdout).not.toMatch(/^(127\.0\.0\.1 evil|nameserver 6\.6\.6\.6)/m);
  });

  test("arguments, environment and labels with line ends are carried exactly", async () => {
    const { stdout } = await api.run({ Cmd: ["sh", "-c", 'printf %s "$0$EVIL"', EVIL], Env: [`EVIL=${EVIL}`] });
    expect(stdout).toBe(EVIL + EVIL);
    const id = await api.create({ Cmd: ["true"], Labels: { [EVIL]: EVIL } });
    const { Config } = await api.get<{ Config: { Labels: Record<string, string> } }>(`/containers/${id}/json`);
    expect(Config.Labels[EVIL]).toBe(EVIL);
  });

  test.each([
    ["an argument", { Cmd: ["echo", "a\0b"] }],
    ["the environment", { Cmd: ["env"], Env: ["A=a\0b"] }],
    ["the host name", { Cmd: ["hostname"], Hostname: "a\0b" }],
    ["the directory", { Cmd: ["pwd"], WorkingDir: "/tmp\0/x" }],
    ["the user", { Cmd: ["id"], User: "root\0x" }],
    ["a bind", { Cmd: ["ls"], HostConfig: { Binds: ["/tmp\0/etc:/x"] } }],
    ["a volume's name", { Cmd: ["ls"], HostConfig: { Binds: ["a\0b:/x"] } }],
  ])("a NUL in %s is refused: nothing is cut off there", async (_name, request) => {
    const { code, error } = await api.run(request);
    expect(code).toBeUndefined();
    expect(error).not.toBe("");
  });

  test("a megabyte of label, environment and argument is carried or refused in words", async () => {
    const megabyte = "x".repeat(1 << 20);
    const id = await api.create({ Cmd: ["true"], Labels: { big: megabyte } });
    const { Config } = await api.get<{ Config: { Labels: Record<string, string> } }>(`/containers/${id}/json`);
    expect(Config.Labels["big"]?.length).toBe(1 << 20);
    for (const request of [
      { Cmd: ["sh", "-c", "echo ${#BIG}"], Env: [`BIG=${megabyte}`] },
      { Cmd: ["echo", megabyte] },
      { Cmd: ["true"], Hostname: megabyte },
    ]) {
      const { code, error } = await api.run(request);
      expect(code).toBeUndefined();
      expect(error).not.toBe("");
    }
    const small = "y".repeat(100_000);
    expect((await api.sh("echo ${#BIG}", { Env: [`BIG=${small}`] })).stdout).toBe("100000\n");
  });

  test("what a container prints cannot write a line of the log in somebody else's name", async () => {
    const forged = '{"log":"forged\\n","stream":"stderr","time":"2000-01-01T00:00:00Z"}';
    const id = await api.start({ Cmd: ["printf", "%s\\n\\0\\001%s\\n", forged, forged] });
    await api.wait(id);
    const { stdout, stderr } = await api.logs(id);
    expect([stdout, stderr]).toEqual([`${forged}\n\0\x01${forged}\n`, ""]);
    const { LogPath } = await api.get<{ LogPath: string }>(`/containers/${id}/json`);
    const lines = readFileSync(LogPath, "utf8").trim().split("\n");
    expect(lines.map((line) => (JSON.parse(line) as { stream: string }).stream)).toEqual(["stdout", "stdout"]);
  });
});

test("attack 38: labels, health checks, ports and signals of an image change nothing on the host", async () => {
  const evil = "; touch /tmp/gantry-pwned; $(touch /tmp/gantry-pwned) `touch /tmp/gantry-pwned`\n../../x";
  const Labels = {
    "containerd.io/restart.loguri": "binary:///bin/sh?-c=touch%20/tmp/gantry-pwned",
    "io.containerd.runc.options": evil,
    "com.docker.security.privileged": "true",
    "org.gantry.privileged": "true",
    "gantry.command": evil,
  };
  const hostile = [
    { Labels },
    { ExposedPorts: { [evil]: {} } },
    { ExposedPorts: { "99999/tcp": {}, "1-70000/udp": {} } },
    { StopSignal: evil },
    { Healthcheck: { Test: ["CMD-SHELL", evil], Interval: -1, Retries: -5 } },
    { OnBuild: [`RUN ${evil}`] },
    { Env: [evil, "=", "A", "LD_PRELOAD=/x"] },
    { Shell: [evil] },
    { Entrypoint: ["", evil] },
  ];
  for (const config of hostile) {
    const loading = loadHostileImage(daemon, { tag: "labels:latest", config });
    if (!(await loading.then(() => true, String))) continue;
    const { code } = await api.run({
      Image: "labels",
      Cmd: ["grep", "-c", "CapEff:.00000000a80425fb", "/proc/1/status"],
    });
    expect([undefined, 0]).toContain(code);
  }
  expect(existsSync("/tmp/gantry-pwned")).toBe(false);
  expect((await api.sh("echo well")).stdout).toBe("well\n");
});

test("nothing is left when every container is removed", async () => {
  expect(await daemon.leakCheck()).toEqual([]);
});
