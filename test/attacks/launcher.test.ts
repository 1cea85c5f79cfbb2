import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { chmodSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { startDaemon, type TestDaemon } from "../harness/daemon.ts";
import { type Api, apiOf } from "./api.ts";
import { loadHostileImage, loadProbeImage } from "./hostile-image.ts";

/** The launcher passes through the container on its way to the container's program: nothing of the host may come along. */
let daemon: TestDaemon;
let api: Api;

beforeAll(async () => {
  daemon = await startDaemon();
  api = apiOf(daemon);
  await loadProbeImage(daemon);
  await loadHostileImage(daemon, {
    tag: "self:latest",
    config: { Entrypoint: ["/entry"], Env: ["PATH=/bin", "LD_PRELOAD=/evil.so"] },
    files: (directory) => {
      writeFileSync(join(directory, "entry"), "#!/proc/self/exe\n");
      chmodSync(join(directory, "entry"), 0o755);
      symlinkSync("/proc/self/exe", join(directory, "link"));
      writeFileSync(join(directory, "evil.so"), "not a library");
    },
  });
}, 60_000);
afterEach(() => daemon?.removeContainers());
afterAll(() => daemon?.[Symbol.asyncDispose](), 60_000);

const LAUNCHER = resolve(import.meta.dir, "../../build/launcher");
const digest = () => createHash("sha256").update(readFileSync(LAUNCHER)).digest("hex");

describe("attack 1: /proc/self/exe as the program", () => {
  test.each([
    ["an interpreter", ["/entry"]],
    ["a link", ["/link"]],
    ["itself", ["/proc/self/exe"]],
    ["the first process's", ["/proc/1/exe"]],
  ])("of the container, by %s: it runs nothing of the host's", async (_name, Entrypoint) => {
    const before = digest();
    const { code, stdout, error } = await api.run({ Image: "self", Entrypoint });
    expect(stdout).toBe("");
    expect(code === undefined ? error : `${code}`).not.toBe("0");
    expect(digest()).toBe(before);
    expect((await api.sh("echo well")).stdout).toBe("well\n");
  });

  test("overwritten from inside while execs pass by: it is sealed, the program on disk unchanged", async () => {
    const before = digest();
    const id = await api.start({ Image: "probe", Cmd: ["/probe", "overwrite", "4000"] });
    const end = performance.now() + 3500;
    let execs = 0;
    while (performance.now() < end) {
      const cmd = execs % 2 === 0 ? ["/proc/self/exe"] : ["true"];
      await api.exec(id, cmd);
      execs++;
    }
    expect(await api.wait(id)).toBe(0);
    const { stdout } = await api.logs(id);
    expect(stdout).toMatch(/^seen [1-9]\d* opened \d+ spoiled 0\n$/);
    expect(execs).toBeGreaterThan(20);
    expect(digest()).toBe(before);
    expect((await api.sh("echo well")).stdout).toBe("well\n");
  }, 30_000);
});

describe("attack 2: a working directory that is a descriptor", () => {
  const ESCAPES = ["/proc/self/fd/", "/proc/1/fd/", "/proc/self/task/1/fd/"];
  const HOST_ONLY = join(import.meta.dir, "launcher.test.ts");

  test("of the container is refused, or is inside", async () => {
    for (let number = 3; number < 32; number++) {
      const script = `pwd -P; cat ../../../../../../../..${HOST_ONLY} 2>/dev/null | wc -c`;
      const { code, stdout, error } = await api.sh(script, { WorkingDir: `${ESCAPES[0]}${number}` });
      if (code === undefined) expect(error).toMatch(/chdir|cwd|working directory|mkdir|No such file|not a directory/i);
      else expect(stdout).toMatch(/^\/\S*\n0\n$/);
    }
  }, 30_000);

  test("of an exec is refused, or is inside", async () => {
    const id = await api.start({ Cmd: ["sleep", "100"] });
    for (const base of ESCAPES) {
      for (let number = 3; number < 24; number++) {
        const cmd = ["sh", "-c", `cat ../../../../../../../..${HOST_ONLY} | wc -c; ls / | wc -l`];
        const { code, stdout, error } = await api.exec(id, cmd, { WorkingDir: `${base}${number}` });
        if (code === 0) expect(stdout).toMatch(/^0\n\d+\n$/);
        else expect(`${code} ${stdout} ${error}`).toMatch(/chdir|cwd|working directory|No such file|126|127/i);
      }
    }
  }, 30_000);
});

describe("attack 3: descriptors", () => {
  const list = ["ls", "-l", "/proc/self/fd"];
  const ALLOWED = /^(0 \/dev\/null|[012] pipe:\[\d+\]|[012] \/dev\/(console|pts\/0))$/;
  const parse = (text: string) =>
    text.split(/\r?\n/).flatMap((line) => {
      const [, number, target] = / (\d+) -> (.*)$/.exec(line) ?? [];
      return number === undefined ? [] : [`${number} ${target}`];
    });
  const allowed = (count: number) => Array(count).fill(expect.stringMatching(ALLOWED));

  test("of the first process and of an exec: the three streams, and none leads to the host", async () => {
    const first = await api.run({ Cmd: list });
    expect(parse(first.stdout)).toEqual(allowed(3));
    const id = await api.start({ Cmd: ["sleep", "100"], OpenStdin: true });
    const execs = await Promise.all(Array.from({ length: 8 }, () => api.exec(id, list)));
    for (const { stdout } of execs) expect(parse(stdout)).toEqual(allowed(3));
    const seen = await api.exec(id, ["ls", "-l", "/proc/1/fd"]);
    expect(parse(seen.stdout)).toEqual(allowed(3));
  });

  test("of a container with a terminal and published ports", async () => {
    const PortBindings = { "80/tcp": [{ HostIp: "127.0.0.1", HostPort: "0" }] };
    const { stdout } = await api.run({
      Cmd: list,
      Tty: true,
      ExposedPorts: { "80/tcp": {} },
      HostConfig: { PortBindings },
    });
    expect(parse(stdout)).toEqual(allowed(3));
  });
});
