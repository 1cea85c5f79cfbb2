import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { RunFailedError } from "../../src/builder/run/run-failed.ts";
import { removeCgroupTree } from "../../src/runtime/cgroups/cgroup-control.ts";
import { gatherHostFacts } from "../../src/runtime/host-facts.ts";
import { cgroupParentOf } from "../containers/territory.ts";
import { until } from "../harness/until.ts";
import { obstacle } from "../launcher/box.ts";
import { LAYER, mountOf, openWorkshop, SCRATCH, textOf, type Workshop } from "./workshop.ts";

describe.skipIf(obstacle() !== undefined)("RUN (needs root and busybox)", () => {
  let shop: Workshop;
  beforeAll(async () => {
    shop = await openWorkshop();
  });
  afterEach(() => expect(shop.leftovers()).toEqual([]));
  afterAll(() => shop.close());

  test("a command's changes become a layer, and nothing else does", async () => {
    const { tree, text } = await shop.run("echo hello; echo made > /made; rm /etc/nsswitch.conf; echo oops >&2");
    expect(text).toBe("hello\noops\n");
    expect(shop.contents(tree)).toEqual(["etc", "etc/nsswitch.conf (whiteout)", "made"]);
    expect(tree.layers).toHaveLength(2);
    expect((await shop.run("cat /made; test -e /etc/nsswitch.conf || echo gone", {}, { base: tree })).text).toBe(
      "made\ngone\n",
    );
  });

  test("a command that changes nothing leaves an empty layer, whatever was mounted", async () => {
    const { tree } = await shop.run("cat /etc/hosts > /dev/null");
    expect(shop.contents(tree)).toEqual([]);
  });

  test("the streams are told apart", async () => {
    const from = shop.events.length;
    await shop.run("echo one; echo two >&2");
    const events = shop.events.slice(from);
    const of = (stream: number) => textOf(events.filter((event) => event.kind === "log" && event.stream === stream));
    expect([of(1), of(2)]).toEqual(["one\n", "two\n"]);
  });

  test("environment as given and HOME, user from the tree's own files, groups too", async () => {
    const { text } = await shop.run("env | sort; id", {
      user: "operator",
      environment: ["PATH=/bin", "A=1", "B=x y", "A=2"],
    });
    expect(text.split("\n").filter((line) => !/^(PWD|SHLVL|_|OLDPWD)=/.test(line))).toEqual([
      "A=2",
      "B=x y",
      "HOME=/var",
      "PATH=/bin",
      "uid=37(operator) gid=37(operator) groups=10(wheel),37(operator)",
      "",
    ]);
    expect(await shop.failure("true", { user: "nobody-knows" })).toContain("unable to find user nobody-knows");
  });

  test("the working directory is made if it is missing, and stays", async () => {
    const { tree, text } = await shop.run("pwd", { workingDirectory: "/a/b" });
    expect(text).toBe("/a/b\n");
    expect(shop.contents(tree)).toEqual(["a", "a/b"]);
  });

  test("hostname, hosts and resolv.conf are the step's own, writable, and not part of the layer", async () => {
    const script =
      "hostname; grep -c build /etc/hosts; grep 10.1.2.3 /etc/hosts; grep 172 /etc/hosts; echo x >> /etc/hosts; cat /etc/hostname";
    const { tree, text } = await shop.run(script, {
      hostname: "builder",
      extraHosts: ["friend:10.1.2.3", "gate:host-gateway"],
    });
    const expected = "builder\n1\n10.1.2.3\tfriend\n172.30.0.1\tgate\n172.30.0.2\tbuilder\nbuilder\n";
    expect(text).toBe(expected);
    expect(shop.contents(tree)).toEqual([]);
    expect((await shop.run("hostname")).text).toBe("buildkitsandbox\n");
    for (const network of ["none", "host"] as const) {
      expect((await shop.run("grep buildkitsandbox /etc/hosts", { network })).text).toBe(
        "127.0.0.1\tbuildkitsandbox\n",
      );
    }
  });

  test("a document on standard input", async () => {
    const document = `echo from the document\n${"# padding\n".repeat(20_000)}echo end\n`;
    expect((await shop.run("", { argv: ["/bin/sh"], stdin: document })).text).toBe("from the document\nend\n");
    expect((await shop.run("cat; echo nothing")).text).toBe("nothing\n");
    expect((await shop.run("echo unread", { stdin: "x".repeat(1_000_000) })).text).toBe("unread\n");
  });

  test("shm, ulimits, cgroup and memory are as asked", async () => {
    const elsewhere = `${cgroupParentOf(shop.directory)}-elsewhere`;
    const { text } = await shop.run("df -k /dev/shm | tail -1; ulimit -n; cat /proc/self/cgroup | head -1", {
      shmSizeBytes: 1024 * 1024,
      ulimits: [{ name: "nofile", soft: 77, hard: 99 }],
      cgroupParent: `${elsewhere}/x`,
    });
    removeCgroupTree(gatherHostFacts(elsewhere).cgroup, elsewhere);
    expect(text).toMatch(/^shm\s+1024 [^\n]*\n77\n/);
    expect(text).toContain(`${elsewhere}/x/build-`);
    const resources = { memoryBytes: 24 * 1024 * 1024, memorySwapBytes: 24 * 1024 * 1024 };
    expect(await shop.failure("tail /dev/zero", { argv: ["tail", "/dev/zero"] }, { context: { resources } })).toBe(
      'process "tail /dev/zero" did not complete successfully: cannot allocate memory | ',
    );
    expect(await shop.failure("true", { resources: { memoryBytes: 1 } })).toContain("Minimum memory limit");
    expect(await shop.failure("true", { cgroupParent: "../.." })).toBe("invalid cgroup parent: ../..");
  });

  test("--network=none has a loopback device only, host the host's devices", async () => {
    const devices = "ls /sys/class/net | tr '\\n' ' '";
    expect((await shop.run(devices, { network: "none" })).text.trim()).toBe("lo");
    const host = Bun.spawnSync(["ls", "/sys/class/net"]).stdout.toString().split("\n").join(" ");
    expect((await shop.run("ls /sys/class/net | tr '\\n' ' '", { network: "host" })).text.trim()).toBe(host.trim());
  });

  test("a command that fails is an error in BuildKit's words, with code and the last output", async () => {
    let caught: unknown;
    try {
      await shop.run("", { argv: ["/bin/sh", "-c", 'echo "almost"; exit 7'] });
    } catch (error) {
      caught = error;
    }
    expect(caught).toBeInstanceOf(RunFailedError);
    const { message, exitCode, output, argv } = caught as RunFailedError;
    expect(message).toBe('process "/bin/sh -c echo \\"almost\\"; exit 7" did not complete successfully: exit code: 7');
    expect({ exitCode, output, argv }).toEqual({
      exitCode: 7,
      output: "almost\n",
      argv: ["/bin/sh", "-c", 'echo "almost"; exit 7'],
    });
  });

  test("a program that is not there, is none or is for another machine says so and has the shell's code", async () => {
    const code = (text: string) => /exit code: (\d+)/.exec(text)?.[1];
    const missing = await shop.failure("", { argv: ["/none", "x"] });
    expect(missing).toStartWith('process "/none x" did not complete successfully: exit code: 127 | ');
    expect(missing).toContain("no such file or directory");
    expect(code(await shop.failure("", { argv: ["/etc/passwd"] }))).toBe("126");
    expect(await shop.failure("a\0b")).toBe("a RUN instruction cannot hold a NUL byte");
    const foreign = { platform: { os: "linux", architecture: "s390x" } };
    expect(await shop.failure("", foreign)).toContain("exec format error");
  });

  test("all output comes, in order, and its end is kept for errors", async () => {
    const text = await shop.failure("seq 1 20000; exit 3");
    const [, output = ""] = text.split(" | ");
    expect(output).toEndWith("19999\n20000\n");
    expect(output.length).toBe(4096);
    const written = (await shop.run("seq 1 500000")).text;
    expect(Bun.hash(written)).toBe(
      Bun.hash(`${Array.from({ length: 500_000 }, (_, index) => index + 1).join("\n")}\n`),
    );
    shop.events.length = 0;
  });

  test("a build that is cancelled kills the command at once and leaves nothing", async () => {
    const abort = new AbortController();
    const result = shop.failure("trap '' TERM; echo started; sleep 600", {}, { context: { signal: abort.signal } });
    await until("it runs", () => textOf(shop.events).includes("started"));
    const before = performance.now();
    abort.abort(new Error("cancelled by its client"));
    expect(await result).toBe("cancelled by its client");
    expect(performance.now() - before).toBeLessThan(2000);
    expect(await shop.failure("true", {}, { context: { signal: abort.signal } })).toBe("cancelled by its client");
  });

  test("a daemon that ends in order ends its steps before", async () => {
    const other = await openWorkshop();
    const result = other.failure("echo up; sleep 600");
    await until("it runs", () => textOf(other.events) === "up\n");
    await other.runner.close();
    expect(await result).toBe("the daemon is shutting down");
    expect(other.leftovers()).toEqual([]);
    await other.close();
  });

  test("processes left in the background end with the step", async () => {
    const { text } = await shop.run("sleep 600 & echo done");
    expect(text).toBe("done\n");
  });

  test("a step on nothing at all can run what a mount shows", async () => {
    const program = await shop.layers.fill(SCRATCH, LAYER, async (place) => {
      mkdirSync(`${place}/bin`);
      writeFileSync(`${place}/bin/busybox`, await Bun.file("/bin/busybox").bytes(), { mode: 0o755 });
    });
    const { tree } = await shop.run(
      "",
      { argv: ["/tools/busybox", "touch", "/new"], mounts: [mountOf("bind", { target: "/tools", source: "bin" }, 1)] },
      { base: SCRATCH, inputs: [program] },
    );
    expect(shop.contents(tree)).toEqual(["new"]);
  });

  test("a device has its node, and the right to use it, for the step that asks for it", async () => {
    const specs = [
      'kind: "test.com/device"\ndevices:\n- name: fuse\n  containerEdits:\n    env: [DEVICE=fuse]\n    deviceNodes: [{path: /dev/own, hostPath: /dev/fuse, permissions: r}]\n',
    ];
    const other = await openWorkshop({ deps: { deviceSpecs: () => specs } });
    try {
      const script =
        "stat -c '%t:%T' /dev/own; echo $DEVICE; true < /dev/own && echo opens; (: > /dev/own) 2>&1 || true";
      const { text, tree } = await other.run(script, { devices: ["test.com/device=fuse,required"] });
      expect(text).toStartWith("a:e5\nfuse\nopens\n");
      expect(text).toContain("Operation not permitted");
      expect(other.contents(tree)).toEqual([]);
      expect((await other.run("ls /dev/own || true")).text).toContain("No such file");
    } finally {
      await other.close();
    }
  });

  test("many steps at once do not disturb each other", async () => {
    const texts = await Promise.all(
      Array.from({ length: 8 }, async (_, index) => {
        const { tree } = await shop.run(`echo ${index} > /number`);
        return (await shop.run("cat /number", {}, { base: tree })).tree.layers.length;
      }),
    );
    expect(texts).toEqual(Array(8).fill(3));
  });
});
