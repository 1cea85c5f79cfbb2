import { expect, test } from "bun:test";
import { runInVm, whyNoVm } from "./vm.ts";

const reason = whyNoVm();
const TIMEOUT_MS = 150_000;

test.skipIf(reason !== undefined)(
  `containers live under cgroup v2, on Debian's kernel in a virtual machine${reason === undefined ? "" : ` (${reason})`}`,
  async () => {
    const { output, code, bootMs } = await runInVm(["test", "./test/vm/cgroup-v2.vm.ts"], { timeoutMs: TIMEOUT_MS });
    console.log(`booted in ${bootMs} ms\n${output}`);
    expect(output).toContain(" 0 fail");
    expect(code).toBe(0);
  },
  TIMEOUT_MS + 30_000,
);
