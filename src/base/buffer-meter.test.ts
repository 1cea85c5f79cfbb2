import { expect, test } from "bun:test";
import { createBufferMeter } from "./buffer-meter.ts";

test("garbage is collected once for each 32 MiB of buffers", () => {
  let collections = 0;
  const meter = createBufferMeter(() => collections++);
  for (let mib = 0; mib < 100; mib++) meter.passed(1 << 20);
  expect(collections).toBe(3);
});
