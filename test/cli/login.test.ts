import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { startInTerminal } from "../harness/terminal.ts";
import { gantry } from "./gantry.ts";
import { accountOf, progressDaemon } from "./progress-daemon.ts";

const HUB = "https://index.docker.io/v1/";
const ENTRY = `${import.meta.dir}/../../src/bin/gantry.ts`;

let daemon: ReturnType<typeof progressDaemon>;
let home: string;
beforeEach(() => {
  daemon = progressDaemon((asked) => {
    if (asked.path !== "/auth") return new Response('{"status":"done"}\r\n');
    const { username, password } = JSON.parse(asked.body) as { username?: string; password?: string };
    if (password === "bad") return new Response('{"message":"incorrect username or password"}', { status: 401 });
    return Response.json({ Status: "Login Succeeded", IdentityToken: username === "tok" ? "idtoken" : "" });
  });
  home = `${daemon.dir}/config`;
  mkdirSync(home);
});
afterEach(() => daemon[Symbol.dispose]());

const config = () => JSON.parse(readFileSync(`${home}/config.json`, "utf8")) as Record<string, unknown>;
const write = (value: unknown) => writeFileSync(`${home}/config.json`, JSON.stringify(value));
const run = (args: string[], options: { stdin?: string; environment?: Record<string, string> } = {}) =>
  gantry(daemon.host, args, { ...options, environment: { DOCKER_CONFIG: home, ...options.environment } });
const lastAccount = () => {
  const asked = daemon.asked.at(-1);
  return asked === undefined ? undefined : accountOf(asked);
};

const UNENCRYPTED = () =>
  `\nWARNING! Your credentials are stored unencrypted in '${home}/config.json'.\n` +
  "Configure a credential helper to remove this warning. See\nhttps://docs.docker.com/go/credential-store/\n\n";

describe("login", () => {
  test("--password-stdin: the daemon is asked, the account kept, as Docker's file has it", async () => {
    const result = await run(["login", "-u", "me", "--password-stdin", "https://h:5000/v2/"], { stdin: "pw\n" });
    expect(result).toEqual({ code: 0, out: "Login Succeeded\n", err: UNENCRYPTED() });
    expect(JSON.parse(daemon.asked[0]?.body ?? "")).toEqual({
      username: "me",
      password: "pw",
      serveraddress: "h:5000",
    });
    expect(readFileSync(`${home}/config.json`, "utf8")).toBe(
      `{\n\t"auths": {\n\t\t"h:5000": {\n\t\t\t"auth": "${btoa("me:pw")}"\n\t\t}\n\t}\n}`,
    );
    expect(statSync(`${home}/config.json`).mode & 0o777).toBe(0o600);
    expect(readdirSync(home)).toEqual(["config.json"]);
  });

  test("what the file has besides stays, in its order; a link stays a link, a mode that was too wide does not", async () => {
    write({ zeta: 1, auths: { "a:1": { auth: "x", more: true } }, HttpHeaders: { A: "b" } });
    chmodSync(`${home}/config.json`, 0o644);
    mkdirSync(`${daemon.dir}/real`);
    writeFileSync(`${daemon.dir}/real/docker.json`, readFileSync(`${home}/config.json`));
    await Bun.file(`${home}/config.json`).delete();
    symlinkSync("../real/docker.json", `${home}/config.json`);
    expect((await run(["login", "-u", "me", "-p", "pw", "h:5000"])).code).toBe(0);
    expect(lstatSync(`${home}/config.json`).isSymbolicLink()).toBe(true);
    expect(statSync(`${home}/config.json`).mode & 0o777).toBe(0o600);
    expect(Object.keys(config())).toEqual(["zeta", "auths", "HttpHeaders"]);
    expect(config()["auths"]).toEqual({ "a:1": { auth: "x", more: true }, "h:5000": { auth: btoa("me:pw") } });
  });

  test("what a crash left beside the file is removed; what somebody writes just now is not", async () => {
    const [old, fresh] = [`${home}/config.json.aaaa.gantry-tmp`, `${home}/config.json.bbbb.gantry-tmp`];
    for (const path of [old, fresh]) writeFileSync(path, "{}");
    utimesSync(old, 1, Date.now() / 1000 - 120);
    expect((await run(["login", "-u", "me", "-p", "pw", "h:5000"])).code).toBe(0);
    expect(readdirSync(home).toSorted((a, b) => (a < b ? -1 : 1))).toEqual([
      "config.json",
      "config.json.bbbb.gantry-tmp",
    ]);
  });

  test("two logins at once leave a whole file, and nothing beside it", async () => {
    const all = await Promise.all(["h:1", "h:2", "h:3"].map((host) => run(["login", "-u", "me", "-p", "pw", host])));
    expect(all.map(({ code }) => code)).toEqual([0, 0, 0]);
    expect(Object.values(config()["auths"] as object)).toContainEqual({ auth: btoa("me:pw") });
    expect(readdirSync(home)).toEqual(["config.json"]);
  });

  test("a file that is not JSON is not written over", async () => {
    writeFileSync(`${home}/config.json`, "{ mine");
    const { code } = await run(["login", "-u", "me", "-p", "pw", "h:5000"]);
    expect([code, readFileSync(`${home}/config.json`, "utf8")]).toEqual([1, "{ mine"]);
  });

  test("an identity token takes the place of the password", async () => {
    const { err } = await run(["login", "-u", "tok", "-p", "pw"]);
    expect(err).toBe("WARNING! Using --password via the CLI is insecure. Use --password-stdin.\n");
    expect(config()).toEqual({ auths: { [HUB]: { auth: btoa("tok:"), identitytoken: "idtoken" } } });
    await run(["pull", "-q", "a"]);
    expect(lastAccount()).toEqual({ username: "tok", serveraddress: HUB, identitytoken: "idtoken" });
  });

  test("a wrong password is told, and nothing kept", async () => {
    const { code, out, err } = await run(["login", "-u", "me", "--password-stdin", "h:5000"], { stdin: "bad" });
    expect([code, out]).toEqual([1, ""]);
    expect(err).toBe("Error response from daemon: incorrect username or password\n");
    expect(readdirSync(home)).toEqual([]);
  });

  test("the account of the last time is used again, and asked for where it is not good any more", async () => {
    write({ auths: { "h:5000": { auth: btoa("me:pw") }, "h:5001": { auth: btoa("me:bad") } } });
    const again = await run(["login", "h:5000"]);
    expect([again.code, again.out]).toEqual([0, "Login Succeeded\n"]);
    expect(again.err).toStartWith("Authenticating with existing credentials... [Username: me]\n");
    const expired = await run(["login", "h:5001"]);
    expect(expired.code).toBe(1);
    expect(expired.err).toContain("Stored credentials invalid or expired\nError: Cannot perform an interactive login");
  });

  test.each([
    [["login", "h:1"], "Error: Cannot perform an interactive login from a non TTY device\n"],
    [["login", "-u", "a", "h:1"], "Error: Cannot perform an interactive login from a non TTY device\n"],
    [["login", "--password-stdin", "h:1"], "the --password-stdin option requires --username to be set\n"],
    [["login", "-u", "", "-p", "x", "h:1"], "username is empty\n"],
    [["login", "-u", "a", "-p", "", "h:1"], "password is empty\n"],
    [
      ["login", "-u", "a", "-p", "b", "--password-stdin"],
      "conflicting options: cannot specify both --password and --password-stdin\n",
    ],
  ])("%j is refused in Docker's words", async (args, err) => {
    const result = await run(args);
    expect([result.code, result.err.replace(/^WARNING! Using.*\n/, "")]).toEqual([1, err]);
    expect(daemon.asked).toEqual([]);
  });

  const onTerminal = (args: string[]) =>
    startInTerminal([process.execPath, "--no-env-file", ENTRY, ...args], {
      env: { DOCKER_HOST: daemon.host, DOCKER_CONFIG: home },
    });

  test("on a terminal name and password are asked for, and the password is not seen", async () => {
    const terminal = onTerminal(["login", "h:5000"]);
    await terminal.expect("Username: ");
    terminal.type("joe\n");
    await terminal.expect("Password: ");
    terminal.type("geheim\n");
    await terminal.expect("Login Succeeded");
    expect(await terminal.exited).toBe(0);
    expect(terminal.screen).not.toContain("geheim");
    expect(config()["auths"]).toEqual({ "h:5000": { auth: btoa("joe:geheim") } });
  });

  test("^C at the password gives the echo back", async () => {
    const script = `"$@"; stty -a`;
    const child = [
      "sh",
      "-c",
      `trap : INT; ${script}`,
      "sh",
      process.execPath,
      "--no-env-file",
      ENTRY,
      "login",
      "-u",
      "a",
      "h:1",
    ];
    const terminal = startInTerminal(child, { env: { DOCKER_HOST: daemon.host, DOCKER_CONFIG: home } });
    await terminal.expect("Password: ");
    terminal.type("\x03");
    await terminal.exited;
    expect(terminal.screen).toMatch(/[^-]echo\b/);
    expect(daemon.asked).toEqual([]);
  });
});

describe("which account goes with which image", () => {
  beforeEach(() =>
    write({
      auths: {
        "h:5000": { auth: btoa("me:pw") },
        [HUB]: { auth: btoa("hub:pw") },
        "https://old.io/v1/": { auth: btoa("old:pw") },
      },
    }),
  );
  const account = (username: string, serveraddress: string) => ({ username, password: "pw", serveraddress });

  test.each([
    [["pull", "-q", "h:5000/a"], account("me", "h:5000")],
    [["pull", "-q", "busybox"], account("hub", HUB)],
    [["pull", "-q", "joe/app"], account("hub", HUB)],
    [["pull", "-q", "h:5001/a"], {}],
    [["pull", "-q", "old.io/a"], account("old", "old.io")],
    [["push", "-q", "h:5000/a:1"], account("me", "h:5000")],
    [["search", "--format", "{{.Name}}", "h:5000/a"], account("me", "h:5000")],
  ])("%j", async (args, expected) => {
    await run(args);
    expect(lastAccount()).toEqual(expected);
  });

  test("DOCKER_AUTH_CONFIG comes first, and what it does not have comes from the file", async () => {
    const environment = { DOCKER_AUTH_CONFIG: JSON.stringify({ auths: { "h:5000": { auth: btoa("env:x") } } }) };
    await run(["pull", "-q", "h:5000/a"], { environment });
    expect(lastAccount()).toMatchObject({ username: "env" });
    await run(["pull", "-q", "busybox"], { environment });
    expect(lastAccount()).toMatchObject({ username: "hub" });
    const { err } = await run(["login", "-u", "a", "-p", "b", "h:5000"], { environment });
    expect(err).toContain("WARNING: DOCKER_AUTH_CONFIG is set and takes precedence.\n");
    const bad = await run(["pull", "-q", "busybox"], { environment: { DOCKER_AUTH_CONFIG: "nonsense" } });
    expect([bad.code, bad.err.startsWith("WARNING: DOCKER_AUTH_CONFIG is not used: ")]).toEqual([0, true]);
  });

  test("--config names another directory", async () => {
    mkdirSync(`${daemon.dir}/other`);
    writeFileSync(
      `${daemon.dir}/other/config.json`,
      JSON.stringify({ auths: { "h:5000": { auth: btoa("other:x") } } }),
    );
    await run(["--config", `${daemon.dir}/other`, "pull", "-q", "h:5000/a"]);
    expect(lastAccount()).toMatchObject({ username: "other" });
  });
});

describe("logout", () => {
  test("forgets one account and leaves the others", async () => {
    write({ auths: { "h:5000": { auth: "x" }, "https://h:5000": { auth: "y" }, [HUB]: { auth: "z" } }, z: 1 });
    expect(await run(["logout", "h:5000"])).toEqual({
      code: 0,
      out: "Removing login credentials for h:5000\n",
      err: "",
    });
    expect(config()).toEqual({ auths: { [HUB]: { auth: "z" } }, z: 1 });
    expect((await run(["logout", "docker.io"])).out).toBe(`Removing login credentials for ${HUB}\n`);
    expect(config()).toEqual({ auths: {}, z: 1 });
  });

  test("without a file there is nothing to do, and no file is made", async () => {
    expect((await run(["logout", "h:5000"])).code).toBe(0);
    expect(readdirSync(home)).toEqual([]);
  });
});

describe("a credential helper", () => {
  /** Keeps a file for each server in a directory; answers in the words of docker-credential-helpers. */
  const HELPER = `#!/bin/sh
cd "$HELPER_STATE" || exit 9
input=$(cat)
echo "$1 $input" >> calls
case $1 in
  get)
    name=$(echo "$input" | tr ':/' '__')
    if [ "$input" = broken:1 ]; then echo "the keychain is locked"; exit 1; fi
    if [ "$input" = garbled:1 ]; then echo "secret but no JSON"; exit 0; fi
    [ -f "$name" ] || { echo "credentials not found in native keychain"; exit 1; }
    cat "$name" ;;
  store) name=$(echo "$input" | sed 's/.*"ServerURL":"\\([^"]*\\)".*/\\1/' | tr ':/' '__'); echo "$input" > "$name" ;;
  erase) rm -f "$(echo "$input" | tr ':/' '__')" ;;
esac
`;
  let environment: Record<string, string>;
  beforeEach(() => {
    const [bin, state] = [`${daemon.dir}/bin`, `${daemon.dir}/state`];
    mkdirSync(bin);
    mkdirSync(state);
    writeFileSync(`${bin}/docker-credential-test`, HELPER, { mode: 0o755 });
    environment = { PATH: `${bin}:${process.env["PATH"]}`, HELPER_STATE: state };
  });
  const calls = () => readFileSync(`${daemon.dir}/state/calls`, "utf8").trim().split("\n");

  test("is given what login learns, gives it to pull, and forgets it at logout; the file never has it", async () => {
    write({ credsStore: "test" });
    const login = await run(["login", "-u", "me", "--password-stdin", "h:5000"], { stdin: "pw", environment });
    expect(login).toEqual({ code: 0, out: "Login Succeeded\n", err: "" });
    expect(config()).toEqual({ credsStore: "test", auths: { "h:5000": {} } });
    await run(["pull", "-q", "h:5000/a"], { environment });
    expect(lastAccount()).toEqual({ username: "me", password: "pw", serveraddress: "h:5000" });
    await run(["logout", "h:5000"], { environment });
    await run(["pull", "-q", "h:5000/a"], { environment });
    expect(lastAccount()).toEqual({});
    expect(config()).toEqual({ credsStore: "test", auths: {} });
    expect(calls()).toEqual([
      'store {"ServerURL":"h:5000","Username":"me","Secret":"pw"}',
      "get h:5000",
      "erase h:5000",
      "erase http://h:5000",
      "erase https://h:5000",
      "get h:5000",
    ]);
  });

  test("is asked once for each registry, however many images come from it", async () => {
    write({ credsStore: "test" });
    await run(["pull", "-q", "h:5000/a", "h:5000/b", "i:5000/c", "h:5000/d"], { environment });
    expect(calls().toSorted((a, b) => (a < b ? -1 : 1))).toEqual(["get h:5000", "get i:5000"]);
  });

  test("tokens go in and out under the name <token>", async () => {
    write({ credHelpers: { "h:5000": "test" } });
    await run(["login", "-u", "tok", "-p", "pw", "h:5000"], { environment });
    await run(["pull", "-q", "h:5000/a"], { environment });
    expect(lastAccount()).toEqual({ serveraddress: "h:5000", identitytoken: "idtoken" });
  });

  test("credHelpers is for its registry alone", async () => {
    write({ credHelpers: { "h:5000": "test" }, auths: { "i:5000": { auth: btoa("file:pw") } } });
    await run(["pull", "-q", "i:5000/a"], { environment });
    expect(lastAccount()).toMatchObject({ username: "file" });
    expect(readdirSync(`${daemon.dir}/state`)).toEqual([]);
  });

  test.each([
    ["nothere", "h:5000", "docker-credential-nothere: executable file not found in $PATH"],
    ["test", "broken:1", "docker-credential-test get: the keychain is locked"],
    ["test", "garbled:1", "docker-credential-test: its answer is not JSON"],
    ["../evil", "h:5000", 'invalid name of a credential helper: "../evil"'],
  ])("%s for %s: the pull goes on without an account, and says why", async (name, host, why) => {
    write({ credsStore: name });
    const { code, err } = await run(["pull", "-q", `${host}/a`], { environment });
    expect([code, err]).toEqual([0, `WARNING: the account for ${host} cannot be read, going on without: ${why}\n`]);
    expect(lastAccount()).toEqual({});
  });

  test("a login that cannot be kept fails", async () => {
    write({ credsStore: "nothere" });
    const { code, err } = await run(["login", "-u", "me", "--password-stdin", "h:5000"], { stdin: "pw", environment });
    expect(code).toBe(1);
    expect(err).toBe("Error saving credentials: docker-credential-nothere: executable file not found in $PATH\n");
    expect(config()).toEqual({ credsStore: "nothere" });
  });
});
