import { expect, test } from "bun:test";
import { createSemaphore } from "./semaphore.ts";
import { SharedJobs } from "./shared-jobs.ts";

test("a job runs once for all who want it, and goes on until the last has left", async () => {
  const jobs = new SharedJobs<string>();
  const callers = Array.from({ length: 20 }, () => new AbortController());
  const { promise, resolve } = Promise.withResolvers<string>();
  let started = 0;
  let own: AbortSignal | undefined;
  const results = callers.map(({ signal }) =>
    jobs.run("key", signal, (inner) => {
      started++;
      own = inner;
      return promise;
    }),
  );
  for (const caller of callers.slice(0, 19)) caller.abort(new Error("left"));
  const settled = await Promise.allSettled(results.slice(0, 19));
  expect(settled.every(({ status }) => status === "rejected")).toBe(true);
  expect(own?.aborted).toBe(false);
  resolve("done");
  expect(await results[19]).toBe("done");
  expect(started).toBe(1);
  expect(jobs.has("key")).toBe(false);
});

test("a job that all have left is aborted; who comes next starts it anew", async () => {
  const jobs = new SharedJobs<string>();
  const first = new AbortController();
  const aborted = jobs.run("key", first.signal, (inner) => {
    return new Promise((_, reject) =>
      inner.addEventListener("abort", () => setTimeout(reject, 1, new Error("stopped"))),
    );
  });
  first.abort(new Error("left"));
  expect(aborted).rejects.toThrow("left");
  expect(await jobs.run("key", new AbortController().signal, async () => "second")).toBe("second");
});

test("a semaphore admits so many at once, in order, and forgets who gave up", async () => {
  const semaphore = createSemaphore(2);
  const order: string[] = [];
  const gates = ["a", "b", "c", "d"].map((name) => ({ name, ...Promise.withResolvers<void>() }));
  const leaving = new AbortController();
  const runs = gates.map(({ name, promise }, index) =>
    semaphore.run(
      async () => {
        order.push(name);
        await promise;
      },
      index === 2 ? leaving.signal : undefined,
    ),
  );
  await Bun.sleep(0);
  expect(order).toEqual(["a", "b"]);
  leaving.abort(new Error("left"));
  expect(runs[2]).rejects.toThrow("left");
  for (const { resolve } of gates) resolve();
  await Promise.allSettled(runs);
  expect(order).toEqual(["a", "b", "d"]);
});
