import { expect, test } from "bun:test";
import { sharePasses } from "./share-passes.ts";

test("calls during a pass share the next one, and get its result", async () => {
  const ends: (() => void)[] = [];
  let passes = 0;
  const call = sharePasses(async () => {
    const own = ++passes;
    await new Promise<void>((resolve) => ends.push(resolve));
    return own;
  });
  const first = call();
  const later = [call(), call(), call()];
  expect(passes).toBe(1);
  ends.shift()?.();
  expect(await first).toBe(1);
  await Bun.sleep(0);
  expect(passes).toBe(2);
  ends.shift()?.();
  expect(await Promise.all(later)).toEqual([2, 2, 2]);
});

test("a pass that fails fails for its callers, and the next one runs", async () => {
  let passes = 0;
  const call = sharePasses(async () => {
    if (++passes === 1) throw new Error("broken");
    return passes;
  });
  const [first, second] = await Promise.allSettled([call(), call()]);
  expect(first.status).toBe("rejected");
  expect(second).toEqual({ status: "fulfilled", value: 2 });
});
