import { expect, test } from "bun:test";
import { messageOf } from "../../base/errors.ts";
import { createUploads } from "./uploads.ts";

const never = new AbortController().signal;

async function* archive(): AsyncGenerator<Uint8Array> {
  yield Uint8Array.of(1);
  yield Uint8Array.of(2);
}

const failureOf = (promise: Promise<unknown>) => promise.then(() => "nothing failed", messageOf);

test("an upload is over when its build has read it", async () => {
  const uploads = createUploads({ arrivalMs: 1000 });
  let isOver = false;
  const offered = uploads.offer("a", archive(), never).then(() => {
    isOver = true;
  });
  const bytes: number[] = [];
  for await (const chunk of await uploads.take("a", never)) {
    bytes.push(...chunk);
    expect(isOver).toBe(false);
  }
  await offered;
  expect(bytes).toEqual([1, 2]);
});

test("an upload whose build does not come, and a build whose upload does not, end after a moment", async () => {
  const uploads = createUploads({ arrivalMs: 20 });
  const text = "timeout: the other request of this build did not come";
  expect(await failureOf(uploads.offer("a", archive(), never))).toBe(text);
  expect(await failureOf(uploads.take("b", never))).toBe(text);
});

test("a build has one upload", async () => {
  const uploads = createUploads({ arrivalMs: 20 });
  const first = failureOf(uploads.offer("a", archive(), never));
  expect(await failureOf(uploads.offer("a", archive(), never))).toBe("build a has its upload already");
  await first;
});

test("when its client goes away, the upload is over", async () => {
  const uploads = createUploads({ arrivalMs: 1000 });
  const gone = new AbortController();
  const offered = failureOf(uploads.offer("a", archive(), gone.signal));
  await uploads.take("a", never);
  gone.abort();
  expect(await offered).toBe("the client went away");
});
