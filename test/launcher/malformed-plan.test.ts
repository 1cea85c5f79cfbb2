import { beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { closeFd } from "../../src/kernel/files.ts";
import { createMemfd } from "../../src/kernel/memfd.ts";
import { encodePlan } from "../../src/runtime/plan/encode-plan.ts";
import { at, type LaunchPlan } from "../../src/runtime/plan/launch-plan.ts";
import { REPOSITORY } from "./box.ts";

const SANITIZER_EXIT = 99;
const NOT_STARTED = 1;
const AT_ONCE = 4;

const plan: LaunchPlan = {
  id: "x",
  supervise: { exitRecordPath: "/e", tty: false, stdin: true, stdinOnce: false, abandonOutput: false },
  operations: [
    at("clone", "clone", { namespaces: ["mnt"] }),
    at("enter", "netlink", { messages: Buffer.alloc(16), acks: 1, childPidAt: [4], comment: "c" }),
    at("enter", "mount-fs", { fstype: "t", source: "s", target: "/t", options: ["a=1", "b"], attributes: {} }),
    at("enter", "mount-bind", { source: "s", below: "b", rooted: true, target: "/t", recursive: true, attributes: {} }),
    at("enter", "make-file", { target: "/f", content: Buffer.from("content"), mode: 0o600, uid: 1, gid: 1 }),
    at("enter", "credentials", { uid: 1, gid: 1, groups: [3] }),
    at("enter", "exec", { argv: ["a", "b"], env: ["PATH=/"] }),
  ],
};

/** Without a listening socket the launcher reads and checks the plan, and does nothing of it. */
async function check(bytes: Uint8Array): Promise<number | null> {
  const fd = createMemfd("plan", bytes);
  try {
    const child = Bun.spawn([join(REPOSITORY, "build/launcher-asan")], {
      stdio: [fd, "ignore", "ignore"],
      env: { ASAN_OPTIONS: `detect_leaks=0:exitcode=${SANITIZER_EXIT}`, UBSAN_OPTIONS: `exitcode=${SANITIZER_EXIT}` },
    });
    return await child.exited;
  } finally {
    closeFd(fd);
  }
}

async function checkAll(cases: Uint8Array[]): Promise<Set<number | null>> {
  const codes = new Set<number | null>();
  const queue = cases.values();
  const worker = async () => {
    for (const bytes of queue) codes.add(await check(bytes));
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return codes;
}

/** A small deterministic generator: a failure can be seen again. */
function createRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state;
  };
}

describe("a malformed plan", () => {
  const whole = encodePlan(plan, { awaitedClients: 1, fdCount: 0 });
  beforeAll(async () => {
    const build = Bun.spawn([join(REPOSITORY, "scripts/build-launcher"), "--sanitize"], { stderr: "inherit" });
    expect(await build.exited).toBe(0);
  }, 60_000);

  test("cut off at any length harms nothing", async () => {
    const cases = Array.from({ length: whole.length }, (_, length) => whole.subarray(0, length));
    expect(await checkAll(cases)).toEqual(new Set([NOT_STARTED]));
  }, 120_000);

  test("with any length field or number changed harms nothing", async () => {
    const random = createRandom(1);
    const values = [0, 1, 0x7fffffff, 0x80000000, 0xffffffff, 0xfffffffb];
    const cases = Array.from({ length: 400 }, () => {
      const bytes = Buffer.from(whole);
      for (let n = random() % 3; n >= 0; n--) {
        bytes.writeUInt32LE(values[random() % values.length] ?? 0, 8 + (random() % (bytes.length - 12)));
      }
      return bytes;
    });
    expect(await checkAll(cases)).toEqual(new Set([NOT_STARTED]));
  }, 120_000);

  test("of random bytes behind a good header harms nothing", async () => {
    const random = createRandom(2);
    const cases = Array.from({ length: 200 }, () => {
      const bytes = Buffer.from(whole);
      for (let i = 8; i < bytes.length; i++) bytes[i] = random() & 255;
      return bytes;
    });
    expect(await checkAll(cases)).toEqual(new Set([NOT_STARTED]));
  }, 120_000);
});
