import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Counts, countsOf, NONE, sum, summaryLine } from "./test-counts.ts";

/**
 * Runs the groups of tests one after the other, each in a process of its own, and prints one line a group and the sum last.
 * A group's output goes to `build/test/<group>.log`, and to the screen when the group fails.
 */
interface Group {
  name: string;
  command: string[];
  /** `bun test` reports its own counts; any other command is one test that passes with exit code 0. */
  kind: "bun-test" | "command";
  timeoutMs: number;
}

const ROOT = join(import.meta.dir, "../..");
const OUT = join(ROOT, "build/test");
const GROUP_TIMEOUT_MS = 8 * 60_000;
const TEST_TIMEOUT_MS = 60_000;
/** Folders of `test/` that hold no groups of their own. */
// `test/vm/*.vm.ts` run inside the machine that `test/vm/vm.test.ts` boots.
const NOT_GROUPS = new Set(["harness", "fixtures", "rules", "out", "testdata"]);

function tool(name: string): string {
  return join(ROOT, "node_modules/.bin", name);
}

function bunTest(name: string, paths: string[]): Group {
  const report = join(OUT, `${name}.xml`);
  const command = [process.execPath, "test", "--timeout", String(TEST_TIMEOUT_MS), "--reporter=junit"];
  return {
    name,
    command: [...command, `--reporter-outfile=${report}`, ...paths],
    kind: "bun-test",
    timeoutMs: GROUP_TIMEOUT_MS,
  };
}

function checkGroups(): Group[] {
  const step = (name: string, ...command: string[]): Group => ({
    name,
    command,
    kind: "command",
    timeoutMs: GROUP_TIMEOUT_MS,
  });
  return [
    step("format", tool("biome"), "format", "."),
    step("types", tool("tsc"), "-p", "."),
    step("page types", tool("tsc"), "-p", "src/registry/page/browser"),
    step("lint", tool("oxlint"), "--type-aware", "src", "test", "bench", "scripts"),
    bunTest("rules", ["./test/rules"]),
    bunTest("unit", ["./src", "./test/harness", "./test/fixtures", "./bench"]),
  ];
}

/** Every folder of `test/` that holds tests is a group. */
function rootGroups(): Group[] {
  const folders = readdirSync(join(ROOT, "test"), { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !NOT_GROUPS.has(entry.name))
    .map((entry) => entry.name)
    .filter((name) => hasTests(join(ROOT, "test", name)));
  return folders.sort().map((name) => bunTest(name, [`./test/${name}`]));
}

function hasTests(folder: string): boolean {
  return readdirSync(folder, { recursive: true }).some((name) => String(name).endsWith(".test.ts"));
}

async function run(group: Group): Promise<Counts> {
  const started = performance.now();
  const log = join(OUT, `${group.name}.log`);
  const child = Bun.spawn(group.command, {
    cwd: ROOT,
    stdin: "ignore",
    stdout: Bun.file(log),
    stderr: Bun.file(`${log}.err`),
    env: { ...process.env, FORCE_COLOR: "0", NO_COLOR: "1" },
  });
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    child.kill("SIGKILL");
  }, group.timeoutMs);
  const code = await child.exited;
  clearTimeout(timer);
  const output = readFileSync(log, "utf8") + readFileSync(`${log}.err`, "utf8");
  rmSync(`${log}.err`);
  writeFileSync(log, output);
  const counts = outcome(group, code);
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  const state = counts.failed > 0 ? "FAILED" : "ok";
  console.log(`${state.padEnd(7)} ${group.name.padEnd(12)} ${seconds.padStart(6)} s  ${summaryLine(counts)}`);
  // A skipped test's name says why.
  for (const line of new Set(output.split("\n").filter((text) => text.startsWith("(skip)"))))
    console.log(`        ${line}`);
  if (counts.failed > 0) {
    console.log(
      `${output.trimEnd()}\n--- ${group.name}: exit code ${code}${timedOut ? ", timed out" : ""}, log in ${log}`,
    );
  }
  return counts;
}

/** A group that died, or failed without a failed test (a file that does not load), counts as one failure. */
function outcome(group: Group, code: number): Counts {
  if (group.kind === "command") return code === 0 ? { ...NONE, passed: 1 } : { ...NONE, failed: 1 };
  const report = join(OUT, `${group.name}.xml`);
  const counts = existsSync(report) ? countsOf(readFileSync(report, "utf8")) : NONE;
  return code !== 0 && counts.failed === 0 ? { ...counts, failed: 1 } : counts;
}

const names = process.argv.slice(2).filter((argument) => !argument.startsWith("--"));
const all = process.argv.includes("--check") ? checkGroups() : [...checkGroups(), ...rootGroups()];
const groups = names.length === 0 ? all : all.filter((group) => names.includes(group.name));
rmSync(OUT, { recursive: true, force: true });
mkdirSync(OUT, { recursive: true });
let total = NONE;
for (const group of groups) total = sum(total, await run(group));
if (total.passed + total.failed === 0) {
  console.log("no test ran");
  total = { ...total, failed: 1 };
}
console.log(summaryLine(total));
process.exit(total.failed === 0 ? 0 : 1);
