import { expect, test } from "bun:test";
import { runInVm, whyNoVm } from "./vm.ts";

const reason = whyNoVm();
const TIMEOUT_MS = 60_000;

test.skipIf(reason !== undefined)(
  `a machine with cgroup v2 only boots Debian's kernel and runs a script${reason === undefined ? "" : ` (${reason})`}`,
  async () => {
    const { output, code, bootMs } = await runInVm("test/vm/hello.script.ts", { timeoutMs: TIMEOUT_MS });
    console.log(`booted in ${bootMs} ms`);
    expect(output).toMatch(/^controllers (.* )?memory pids/m);
    expect(output).toContain("filesystems true");
    expect(code).toBe(0);
  },
  TIMEOUT_MS,
);
