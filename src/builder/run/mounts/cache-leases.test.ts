import { expect, test } from "bun:test";
import { CacheLeases, type Sharing } from "./cache-leases.ts";

const never = new AbortController().signal;

function openLeases() {
  const leases = new CacheLeases();
  let count = 0;
  /** The ID of the instance that a user gets, or "wait". */
  const take = (sharing: Sharing, key = "k"): string => {
    const taken = leases.take(key, sharing);
    if (taken === "wait") return "wait";
    if (taken !== "new") return taken.id;
    const id = String(++count);
    const now = new Date(0);
    leases.add({ id, key, description: "", createdAt: now, lastUsedAt: now, ready: Promise.resolve() });
    leases.use(id, sharing);
    return id;
  };
  return { leases, take };
}

test("shared users share, private ones do not, and what is idle is used again", () => {
  const { leases, take } = openLeases();
  expect([take("shared"), take("shared")]).toEqual(["1", "1"]);
  expect([take("private"), take("private")]).toEqual(["2", "3"]);
  leases.release("2");
  expect(take("private")).toBe("2");
  leases.release("1");
  expect(leases.isUsed("1")).toBe(true);
  leases.release("1");
  expect(take("private")).toBe("1");
});

test("a locked one waits for everybody else, and for nobody of another key", () => {
  const { leases, take } = openLeases();
  expect([take("locked"), take("locked"), take("locked", "other")]).toEqual(["1", "wait", "2"]);
  leases.release("1");
  expect(take("shared")).toBe("1");
  expect(take("locked")).toBe("wait");
});

test("those who wait are served in order, and one who gives up is left out", async () => {
  const { leases, take } = openLeases();
  take("locked");
  const served: string[] = [];
  const waiters = ["a", "b", "c"].map((name) => {
    const abort = new AbortController();
    const done = leases.available("k", abort.signal).then(
      () => void served.push(name),
      () => void served.push(`${name} gave up`),
    );
    return { abort, done };
  });
  waiters[0]?.abort.abort();
  await waiters[0]?.done;
  leases.release("1");
  await waiters[1]?.done;
  expect(served).toEqual(["a gave up", "b"]);
  take("locked");
  leases.release("1");
  await waiters[2]?.done;
  expect(served).toEqual(["a gave up", "b", "c"]);
});

test("an aborted signal does not wait at all", async () => {
  const { leases } = openLeases();
  expect(leases.available("k", AbortSignal.abort(new Error("stop")))).rejects.toThrow("stop");
});

test("what is used cannot be removed; what is not there is undefined", () => {
  const { leases, take } = openLeases();
  const id = take("shared");
  expect(() => leases.remove(id)).toThrow(`cache mount ${id} is in use`);
  leases.release(id);
  expect(leases.remove(id)?.id).toBe(id);
  expect(leases.remove(id)).toBeUndefined();
  expect(leases.available("k", never)).toBeInstanceOf(Promise);
});
