import { expect, test } from "bun:test";
import { type DiskUsage, usageRows } from "./df.ts";

test("what is in use is not reclaimable", () => {
  const usage: DiskUsage = {
    LayersSize: 1_234_567,
    Images: [{ Size: 1_000_000, SharedSize: 0, Containers: 1 }],
    Containers: [
      { State: "running", SizeRw: 5 },
      { State: "exited", SizeRw: 5 },
    ],
    Volumes: [{ UsageData: { Size: 12, RefCount: 0 } }, { UsageData: null }],
    BuildCache: null,
  };
  const lines = usageRows(usage).map((row) =>
    ["Type", "TotalCount", "Active", "Size", "Reclaimable"].map((key) => row[key]),
  );
  expect(lines).toEqual([
    ["Images", "1", "1", "1.235MB", "234.6kB (18%)"],
    ["Containers", "2", "1", "10B", "5B (50%)"],
    ["Local Volumes", "2", "0", "12B", "12B (100%)"],
    ["Build Cache", "0", "0", "0B", "0B"],
  ]);
});
