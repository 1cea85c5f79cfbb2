import { expect, test } from "bun:test";
import type { RestartPolicy } from "./container-spec.ts";
import { decideRestart, type EndedRun, startsWithDaemon } from "./restart-policy.ts";

const policy = (name: RestartPolicy["name"], maximumRetryCount = 0): RestartPolicy => ({ name, maximumRetryCount });

function delayOf(own: RestartPolicy, ended: Partial<EndedRun>): number | undefined {
  const run = { code: 1, ranForMs: 50, restartCount: 0, stoppedByUser: false, lastBackoffMs: 0, ...ended };
  const decision = decideRestart(own, run);
  return decision.restart ? decision.delayMs : undefined;
}

test.each([
  ["no never", policy("no"), {}, undefined],
  ["always after success", policy("always"), { code: 0 }, 100],
  ["always not after stop", policy("always"), { stoppedByUser: true }, undefined],
  ["on-failure not after success", policy("on-failure"), { code: 0 }, undefined],
  ["on-failure without a limit", policy("on-failure"), { restartCount: 1000 }, 100],
  ["on-failure up to its limit", policy("on-failure", 3), { restartCount: 2 }, 100],
  ["on-failure not beyond it", policy("on-failure", 3), { restartCount: 3 }, undefined],
  ["the wait doubles", policy("always"), { lastBackoffMs: 100 }, 200],
  ["up to a minute", policy("always"), { lastBackoffMs: 51_200 }, 60_000],
  ["and begins anew after ten good seconds", policy("always"), { lastBackoffMs: 51_200, ranForMs: 10_000 }, 100],
] as [string, RestartPolicy, Partial<EndedRun>, number | undefined][])("restart: %s", (_name, own, ended, delay) => {
  expect(delayOf(own, ended)).toBe(delay);
});

test.each([
  ["always", true, true],
  ["unless-stopped", true, false],
  ["unless-stopped", false, true],
  ["on-failure", false, true],
  ["on-failure", true, false],
  ["no", false, false],
] as [RestartPolicy["name"], boolean, boolean][])(
  "with the daemon: %s, stopped by the user: %p",
  (name, stoppedByUser, starts) => {
    expect(startsWithDaemon(policy(name), { code: 1, stoppedByUser, restartCount: 0 })).toBe(starts);
  },
);
