import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync } from "node:fs";
import { GANTRY, startDaemon, type TestDaemon } from "../harness/daemon.ts";
import { DOCKER_REGISTRY, type PeerRegistry, startDockerRegistry } from "../harness/docker-registry.ts";
import { runProgram } from "../harness/run-program.ts";
import { playOnScreen } from "../harness/screen.ts";
import { startInTerminal } from "../harness/terminal.ts";

const DOCKER_28 = "/usr/local/bin/docker";
const account = { username: "me", password: "p:w" };

/** The whole way: our command line, our engine, somebody else's registry, which wants an account. */
function commandLineAndRegistry(): void {
  let daemon: TestDaemon;
  let registry: PeerRegistry;
  let image: string;
  let config: string;
  beforeAll(async () => {
    [daemon, registry] = await Promise.all([startDaemon(), startDockerRegistry({ account })]);
    image = `${registry.host}/team/box`;
    config = `${daemon.directory}/docker-config`;
    mkdirSync(config);
    await run(["tag", "busybox", `${image}:1`]);
  }, 60_000);
  afterAll(async () => {
    expect(await daemon.leakCheck()).toEqual([]);
    await daemon[Symbol.asyncDispose]();
    await registry[Symbol.asyncDispose]();
  }, 60_000);
  const run = (args: string[], input?: string) =>
    daemon.gantry(args, { env: { DOCKER_CONFIG: config }, ...(input === undefined ? {} : { input }) });
  const ok = async (args: string[], input?: string) => {
    const { code, stdout, stderr } = await run(args, input);
    expect([code, stderr.replace(/\nWARNING! Your credentials[^]*credential-store\/\n\n/, "")]).toEqual([0, ""]);
    return stdout;
  };
  const advice = () => `If you have an account there: gantry login ${registry.host}\n`;

  test("without an account neither push nor pull gets in, and what to do is said", async () => {
    const push = await run(["push", "-q", `${image}:1`]);
    expect([push.code, push.stdout]).toEqual([1, ""]);
    expect(push.stderr).toEndWith(advice());
    const pull = await run(["pull", "-q", `${image}:1`]);
    expect([pull.code, pull.stdout]).toEqual([1, ""]);
    expect(pull.stderr).toStartWith("Error response from daemon: ");
    expect(pull.stderr).toEndWith(advice());
  });

  test("a wrong password does not log in; the right one does, for push and pull", async () => {
    const wrong = await run(["login", "-u", "me", "--password-stdin", registry.host], "pw");
    expect([wrong.code, wrong.stdout]).toEqual([1, ""]);
    expect(wrong.stderr).toContain("401 Unauthorized");
    expect(wrong.stderr).not.toContain("If you have an account");
    expect(await ok(["login", "-u", "me", "--password-stdin", registry.host], "p:w\n")).toBe("Login Succeeded\n");
    expect(await ok(["push", `${image}:1`])).toMatch(/: Pushed\n1: digest: sha256:[0-9a-f]{64} size: \d+\n$/);
    expect(await ok(["push", "-q", `${image}:1`])).toBe(`${image}:1\n`);
  });

  test("a pull on a terminal draws its layers in place, and the image runs", async () => {
    await ok(["rmi", "-f", `${image}:1`, "busybox"]);
    const terminal = startInTerminal([...GANTRY, "pull", `${image}:1`], {
      env: { DOCKER_HOST: daemon.host, DOCKER_CONFIG: config },
    });
    expect(await terminal.exited).toBe(0);
    const { lines, cursorVisible } = playOnScreen(terminal.screen, 80, 24);
    expect(lines.slice(0, 2)).toEqual([
      "1: Pulling from team/box",
      expect.stringMatching(/^[0-9a-f]{12}: Pull complete$/),
    ]);
    expect(lines.slice(-2)).toEqual([`Status: Downloaded newer image for ${image}:1`, `${image}:1`]);
    expect(cursorVisible).toBe(true);
    expect(await ok(["run", "--rm", `${image}:1`, "echo", "hello"])).toBe("hello\n");
  });

  test("run fetches what is missing, told on standard error alone", async () => {
    await ok(["rmi", "-f", `${image}:1`]);
    const { code, stdout, stderr } = await run(["run", "--rm", `${image}:1`, "echo", "hello"]);
    expect([code, stdout]).toEqual([0, "hello\n"]);
    expect(stderr).toStartWith(`Unable to find image '${image}:1' locally\n1: Pulling from team/box\n`);
  });

  test("a list of manifests is made, pushed and shown; all tags are pulled, and several images at once", async () => {
    await ok(["tag", `${image}:1`, `${registry.host}/other:2`]);
    await ok(["push", "-q", `${registry.host}/other:2`]);
    expect(await ok(["manifest", "create", `${image}:all`, `${image}:1`, `${registry.host}/other:2`])).toContain(
      "Created",
    );
    const digest = (await ok(["manifest", "push", "--purge", `${image}:all`])).trim();
    expect(await ok(["manifest", "inspect", `${image}@${digest}`])).toBe(
      await ok(["manifest", "inspect", `${image}:all`]),
    );
    expect(await ok(["pull", "-qa", image])).toBe(`${image}\n`);
    expect(await ok(["images", "--format", "{{.Tag}}", image])).toContain("all\n");
    const { code, stdout, stderr } = await run([
      "pull",
      "-q",
      `${image}:1`,
      `${image}:none`,
      `${registry.host}/other:2`,
    ]);
    expect([code, stdout]).toEqual([1, `${image}:1\n${registry.host}/other:2\n`]);
    expect(stderr).toStartWith(`${image}:none: Error response from daemon: manifest for ${image}:none not found`);
  });

  test.skipIf(!existsSync(DOCKER_28))(
    "manifest inspect says what docker 28 says, which asks the registry itself",
    async () => {
      for (const flags of [[], ["-v"]]) {
        const args = ["manifest", "inspect", "--insecure", ...flags, `${image}:1`];
        const theirs = await runProgram([DOCKER_28, ...args], { env: { DOCKER_CONFIG: config } });
        expect(theirs.code).toBe(0);
        expect(await ok(args)).toBe(theirs.stdout);
      }
    },
  );

  test("after logout the door is shut", async () => {
    expect(await ok(["logout", registry.host])).toBe(`Removing login credentials for ${registry.host}\n`);
    expect((await run(["pull", "-q", `${image}:1`])).code).toBe(1);
    expect((await run(["manifest", "inspect", `${image}:1`])).stderr).toEndWith(advice());
  });
}

const present = existsSync(DOCKER_REGISTRY);
if (present) describe("our command line and docker-registry", commandLineAndRegistry);
else test.skip(`our command line and docker-registry: ${DOCKER_REGISTRY} is not installed`, () => undefined);
