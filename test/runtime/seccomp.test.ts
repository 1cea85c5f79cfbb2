import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import { chmodSync, existsSync } from "node:fs";
import { join } from "node:path";
import { capabilityBits, DEFAULT_CAPABILITIES } from "../../src/runtime/capabilities.ts";
import type { MountInput } from "../../src/runtime/plan/plan-input.ts";
import defaultProfile from "../../src/runtime/seccomp/default-profile.json";
import { seccompFilter } from "../../src/runtime/seccomp/seccomp-filter.ts";
import { obstacle } from "../launcher/box.ts";
import { runFilter } from "./bpf-interpreter.ts";
import { type ContainerBox, createContainerBox } from "./container-box.ts";

/** The kernel never lets a filter see the calls of its own probes (uretprobe, uprobe). */
const UNFILTERED = [335, 336];
/** An error that no call gives by itself, so that the filter's answer is told apart from the kernel's. */
const REFUSED = 199;
const WAYS = {
  amd64: { architecture: 0xc000003e, base: 0 },
  x86: { architecture: 0x40000003, base: 0 },
  x32: { architecture: 0xc000003e, base: 0x40000000 },
};
const reason = obstacle() ?? (process.arch === "x64" && existsSync("/usr/bin/gcc") ? undefined : "needs gcc on x86-64");

describe.skipIf(reason !== undefined)("the kernel agrees with the profile", () => {
  const marked = JSON.stringify({ ...defaultProfile, defaultErrnoRet: REFUSED });
  const security = { securityOptions: [`seccomp=${marked}`] };
  let box: ContainerBox;
  let mounts: MountInput[];

  beforeAll(async () => {
    box = await createContainerBox();
    const probe = join(box.dir, "probe");
    execFileSync("gcc", ["-static", "-O1", "-o", probe, join(import.meta.dir, "seccomp-probe.c")]);
    mounts = [
      { kind: "bind", source: probe, destination: "/probe", recursive: false, attributes: {}, propagation: "rprivate" },
    ];
  });
  afterAll(() => box[Symbol.asyncDispose]());

  async function probe(...argv: string[]): Promise<[way: string, number: number, result: string][]> {
    const { stdout, exit } = await box.run({ mounts, security }, "/probe", ...argv);
    expect(exit.code).toBe(0);
    return stdout
      .trim()
      .split("\n")
      .map((line) => line.split(" "))
      .map(([way = "", number = "", result = ""]) => [way, Number(number), result]);
  }

  test("attack 12: for every system call number, by all three ways into the kernel", async () => {
    const { filter } = seccompFilter(marked, {
      capabilities: capabilityBits(DEFAULT_CAPABILITIES),
      host: box.host,
    });
    const results = await probe();
    expect(results.length).toBe(480 * 2 + 560);
    const wrong = results.filter(([way, number, result]) => {
      if (way === "amd64" && UNFILTERED.includes(number)) return false;
      const { architecture, base } = WAYS[way as keyof typeof WAYS];
      const { value } = runFilter(filter, { number: number + base, architecture, args: Array(6).fill(0n) as bigint[] });
      const expected = value >>> 16 === 5 ? value & 0xffff : undefined;
      return expected === REFUSED ? result !== String(REFUSED) : result === String(REFUSED);
    });
    expect(wrong).toEqual([]);
    const refused = results.filter(([way, , result]) => way === "amd64" && result === String(REFUSED));
    expect(refused.length).toBeGreaterThan(40);
  }, 60_000);

  test("attack 12: AF_ALG and AF_VSOCK are refused, also with bits that the kernel does not look at", async () => {
    const refused = (await probe("socket")).filter(([, , result]) => result === String(REFUSED));
    expect(refused.map(([way, family]) => `${way} ${family}`).sort()).toEqual(
      ["amd64 38", "amd64 40", "high 38", "high 40", "x86 38", "x86 40"].sort(),
    );
  });

  test("attack 14: with no_new_privs a setuid program gains nothing", async () => {
    const user = { uid: 1000, gid: 1000, groups: [1000], home: "/" };
    chmodSync(join(box.dir, "probe"), 0o4755);
    const euid = async (securityOptions: string[]) => {
      const wanted = { mounts, process: { user }, security: { securityOptions } };
      return (await box.run(wanted, "/probe", "euid")).stdout.trim();
    };
    expect([await euid([]), await euid(["no-new-privileges"])]).toEqual(["0", "1000"]);
  });

  test("attack 16: files of the host cannot be opened by handle, not even without a filter", async () => {
    const opened = async (securityOptions: string[]) =>
      (await box.run({ mounts, security: { securityOptions } }, "/probe", "handle")).stdout.trim();
    expect(await opened([`seccomp=${marked}`])).toBe(String(REFUSED));
    expect(await opened(["seccomp=unconfined"])).toBe("1");
  });
});
