import { afterAll, beforeAll, expect, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { GANTRY } from "../harness/daemon.ts";
import { startInTerminal } from "../harness/terminal.ts";
import { type Box, openBox } from "./box.ts";

/** What our own command says beside copying; where copies land is in the suite for all command lines. */
let box: Box;
let id: string;
let here: string;
beforeAll(async () => {
  box = await openBox();
  id = await box.running(
    "mkdir /d; echo hi > /d/f; touch -d '2001-01-01' /d/f; truncate -s 3M /d/large; mknod /d/n c 1 3",
  );
  here = join(box.daemon.directory, "here");
  mkdirSync(here);
}, 60_000);
afterAll(() => box?.daemon[Symbol.asyncDispose](), 60_000);

async function onTerminal(...args: string[]): Promise<{ code: number; screen: string }> {
  const terminal = startInTerminal([...GANTRY, ...args], { env: { DOCKER_HOST: box.daemon.host } });
  const code = await terminal.exited;
  const { screen } = terminal;
  terminal.close();
  return { code, screen };
}

test("on a terminal it says how much was copied, and to where", async () => {
  const out = await onTerminal("cp", `${id}:/d/f`, here);
  // The archive, as Docker counts it: headers and the end of the archive included.
  expect(out.screen).toMatch(/Successfully copied \S+kB to \/\S+\/here\r\n$/);
  expect(readFileSync(join(here, "f"), "utf8")).toBe("hi\n");
  const large = await onTerminal("cp", `${id}:/d/large`, join(here, "copy"));
  expect(large.screen).toMatch(/Successfully copied 3\.15MB to \S+\/here\/copy\r\n$/);
  const into = await onTerminal("cp", join(here, "f"), `${id}:/tmp`);
  expect(into.screen).toContain(`to ${id}:/tmp\r\n`);
  expect([out.code, large.code, into.code]).toEqual([0, 0, 0]);
});

test("it says nothing where that is not wanted, or no terminal is there", async () => {
  expect(await onTerminal("cp", "-q", `${id}:/d/f`, here)).toEqual({ code: 0, screen: "" });
  const quiet = await box.daemon.gantry(["cp", `${id}:/d/f`, here]);
  expect(quiet).toEqual({ code: 0, stdout: "", stderr: "" });
  const asked = await box.daemon.gantry(["cp", "--quiet=false", `${id}:/d/f`, here]);
  expect(asked.stderr).toStartWith("Successfully copied ");
});

test("what cannot be made on this side is told of, the rest is copied", async () => {
  const { code, stderr } = await box.daemon.gantry(["cp", `${id}:/d`, here]);
  expect([code, stderr]).toEqual([0, "left out, a device or pipe cannot be made here: d/n\n"]);
  expect([existsSync(join(here, "d/f")), existsSync(join(here, "d/n"))]).toEqual([true, false]);
});

test("an archive is not written to a terminal, nor half of one under its name", async () => {
  expect((await onTerminal("export", id)).screen).toContain("cowardly refusing to save to a terminal");
  const refused = await box.daemon.gantry(["export", "-o", "/nowhere/x", id]);
  expect(refused.stderr).toContain('invalid output path: directory "/nowhere" does not exist');
  const failed = await box.daemon.gantry(["export", "-o", join(here, "none.tar"), "nobody"]);
  expect([failed.code, failed.stderr]).toEqual([1, expect.stringContaining("No such container: nobody")]);
  expect(existsSync(join(here, "none.tar"))).toBe(false);
});

test("commit takes its pause from either flag", async () => {
  const since = Math.floor(Date.now() / 1000) - 1;
  for (const flag of ["--no-pause", "-p=false", "--pause=false"]) {
    expect((await box.daemon.gantry(["commit", flag, id])).stdout).toMatch(/^sha256:[0-9a-f]{64}\n$/);
  }
  const filters = encodeURIComponent(JSON.stringify({ container: [id], event: ["pause", "commit"] }));
  const until = Math.ceil(Date.now() / 1000);
  const events = await (await box.daemon.request(`/events?since=${since}&until=${until}&filters=${filters}`)).text();
  expect(
    events
      .trim()
      .split("\n")
      .map((line) => (JSON.parse(line) as { Action: string }).Action),
  ).toEqual(Array(3).fill("commit"));
});

test("nothing is left when every container is removed", async () => {
  expect(await box.daemon.leakCheck()).toEqual([]);
});
