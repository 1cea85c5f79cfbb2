import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { createLogger } from "../../src/base/logger.ts";
import { runOp } from "../harness/run-op.ts";
import { until } from "../harness/until.ts";
import { obstacle } from "../launcher/box.ts";
import { clientWith, talkProgram } from "./client.ts";
import { filesOf } from "./files-source.ts";
import { mountOf, openWorkshop, stepContext, textOf, type Workshop } from "./workshop.ts";

const WORD = "xyzzy-very-secret";

describe.skipIf(obstacle() !== undefined)("secrets and agents of a RUN (needs root and busybox)", () => {
  let shop: Workshop;
  let place: string;
  let agent: Server;
  const lines: string[] = [];
  beforeAll(async () => {
    shop = await openWorkshop({ deps: { logger: createLogger("debug", (line) => void lines.push(line)) } });
    place = mkdtempSync(`${tmpdir()}/gantry-run-agent-`);
    mkdirSync(`${place}/tools`);
    copyFileSync(await talkProgram(), `${place}/tools/talk`);
    inputs[0] = filesOf(`${place}/tools`) as (typeof inputs)[0];
    agent = createServer((socket) => {
      socket.on("error", () => {});
      socket.on("data", (bytes) => socket.write(`you said ${bytes.toString()}`));
    });
    await new Promise<void>((resolve) => void agent.listen(`${place}/agent`, resolve));
  });
  afterEach(() => expect(shop.leftovers()).toEqual([]));
  afterAll(async () => {
    await shop.close();
    agent.close();
    rmSync(place, { recursive: true, force: true });
  });
  const tools = mountOf("bind", { target: "/tools" }, 1);
  const inputs = [{ kind: "files" as const, source: { directory: "", entries: [], origin: undefined } }];
  const context = { session: clientWith({ secrets: { word: WORD, large: "x".repeat(600 * 1024), zero: "a\0b" } }) };

  test("a secret is a file in memory, for its owner to read", async () => {
    const mounts = [
      mountOf("secret", { target: "", id: "word" }),
      mountOf("secret", { target: "/home/token", id: "word", mode: 0o440, uid: 37, gid: 33 }),
    ];
    const script =
      "cat /run/secrets/word; stat -c ' %a %u %g' /run/secrets/word /home/token; grep -c tmpfs.*home /proc/mounts; grep home/token /proc/self/mountinfo | grep -o ' ro,[a-z,]*'; echo x 2>/dev/null > /home/token || echo read-only";
    const { text, tree } = await shop.run(script, { mounts }, { context });
    expect(text).toBe(`${WORD} 400 0 0\n 440 37 33\n1\n ro,nosuid,nodev,noexec,relatime\nread-only\n`);
    expect(shop.contents(tree)).toEqual([]);
  });

  test("a secret is a variable, and a file only where that is asked for", async () => {
    const variable = [mountOf("secret", { target: "", id: "word", env: "TOKEN" })];
    const script = "echo $TOKEN; ls /run/secrets 2>/dev/null || echo none";
    expect((await shop.run(script, { mounts: variable }, { context })).text).toBe(`${WORD}\nnone\n`);
    const both = [mountOf("secret", { target: "/t", id: "word", env: "TOKEN" })];
    expect((await shop.run("cat /t; echo $TOKEN", { mounts: both }, { context })).text).toBe(`${WORD}${WORD}\n`);
  });

  test("a secret that the client does not have is missing, and an error where it is required", async () => {
    const optional = [mountOf("secret", { target: "", id: "nothing" })];
    expect((await shop.run("ls /run/secrets 2>&1 || true", { mounts: optional }, { context })).text).toContain(
      "No such file",
    );
    const required = { mounts: [mountOf("secret", { target: "", id: "nothing", required: true })] };
    expect(await shop.failure("true", required, { context })).toBe("secret nothing: not found");
    expect(await shop.failure("true", required)).toBe("secret nothing: not found");
  });

  test("what is too large, or cannot be a variable, is refused without being shown", async () => {
    const run = (id: string, env?: string) =>
      shop.failure("true", { mounts: [mountOf("secret", { target: "", id, env })] }, { context });
    expect(await run("large")).toBe("secret large: larger than 512000 bytes");
    expect(await run("zero", "X")).toBe("secret zero: has a NUL byte, which an environment variable cannot hold");
  });

  test("attack 45: a secret is in no layer, key, error, log line or file", async () => {
    const mounts = [
      mountOf("secret", { target: "/s", id: "word" }),
      mountOf("secret", { target: "", id: "word", env: "TOKEN" }),
    ];
    const op = runOp({ mounts });
    expect(await shop.runner.mountKey(op, [shop.base], { ...stepContext(), ...context })).not.toContain(WORD);
    const errors: unknown[] = [];
    for (const changes of [
      { argv: ["/none"] },
      { argv: ["false"] },
      { workingDirectory: "/etc/passwd" },
      { user: "x" },
    ]) {
      await shop.run("", { mounts, ...changes }, { context }).catch((error: unknown) => errors.push(error));
    }
    expect(errors).toHaveLength(4);
    for (const error of errors) expect(Bun.inspect(error, { depth: 10 })).not.toContain(WORD);
    shop.events.length = 0;
    const searched = shop.run("echo up; sleep 0.5", { mounts }, { context });
    await until("it runs", () => textOf(shop.events) === "up\n");
    const during = Bun.spawnSync(["grep", "-rl", WORD, shop.directory]).stdout.toString();
    await searched;
    expect(during).toBe("");
    expect(Bun.spawnSync(["grep", "-rl", WORD, shop.directory]).stdout.toString()).toBe("");
    expect(lines.join("")).not.toContain(WORD);
    expect(lines.length).toBeGreaterThan(0);
  });

  test("an agent's socket is in the container, for whom it is meant, and gone afterwards", async () => {
    const session = clientWith({ agent: `${place}/agent` });
    const mounts = [mountOf("ssh", { target: "" })];
    const script = "stat -c '%F %a %u' $SSH_AUTH_SOCK; echo $SSH_AUTH_SOCK; /tools/talk $SSH_AUTH_SOCK hello";
    const { text, tree } = await shop.run(script, { mounts: [tools, ...mounts] }, { context: { session }, inputs });
    expect(text).toBe("socket 600 0\n/run/buildkit/ssh_agent.0\nyou said hello");
    expect(shop.contents(tree)).toEqual([]);
    const owned = [mountOf("ssh", { target: "/home/agent", uid: 37, mode: 0o600 })];
    const answer = (user: string) =>
      shop.run(
        "/tools/talk /home/agent me 2>&1 || true",
        { mounts: [tools, ...owned], user },
        { context: { session }, inputs },
      );
    expect((await answer("operator")).text).toBe("you said me");
    expect((await answer("nobody")).text).toContain("Permission denied");
    expect(existsSync(`${place}/agent`)).toBe(true);
  });

  test("without an agent there is no socket, and an error where it is required", async () => {
    const mounts = [mountOf("ssh", { target: "" })];
    expect((await shop.run("echo -$SSH_AUTH_SOCK-", { mounts }, { context })).text).toBe("--\n");
    const required = { mounts: [mountOf("ssh", { target: "", required: true })] };
    expect(await shop.failure("true", required, { context })).toBe('no SSH key "default" forwarded from the client');
  });
});
