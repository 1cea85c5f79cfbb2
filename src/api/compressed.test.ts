import { expect, test } from "bun:test";
import { gunzipSync, inflateRawSync } from "node:zlib";
import { chooseEncoding, compressed } from "./compressed.ts";

test.each([
  [undefined, undefined],
  ["", undefined],
  ["identity", undefined],
  ["gzip", "gzip"],
  ["deflate, gzip;q=0.5", "gzip"],
  ["deflate", "deflate"],
  ["gzip;q=0, deflate", "deflate"],
  ["GZIP; q=0.000", undefined],
  ["br", undefined],
])("%j is answered with %j", (accept, encoding) => {
  expect(chooseEncoding(accept)).toEqual(encoding as "gzip");
});

async function* twoParts() {
  yield Buffer.from("one ");
  yield Buffer.from("two");
}

const read = async (stream: AsyncIterable<Uint8Array>) => Buffer.concat(await Array.fromAsync(stream));

test("the stream is the same behind each encoding, and says which", async () => {
  const reply = { stream: twoParts(), contentType: "application/x-tar", headers: { A: "b" } };
  const gzip = compressed(reply, "gzip");
  expect(gzip.headers).toEqual({ A: "b", "Content-Encoding": "gzip" });
  expect(gunzipSync(await read(gzip.stream)).toString()).toBe("one two");
  const deflate = compressed({ ...reply, stream: twoParts() }, "deflate");
  expect(inflateRawSync(await read(deflate.stream)).toString()).toBe("one two");
  const plain = { ...reply, stream: twoParts() };
  expect(compressed(plain, "identity")).toBe(plain);
});

test("what the source throws comes through, and a reader that leaves ends the source", async () => {
  async function* failing() {
    yield Buffer.from("x");
    throw new Error("torn");
  }
  const torn = compressed({ stream: failing(), contentType: "" }, "gzip");
  expect(await read(torn.stream).catch((error: Error) => error.message)).toBe("torn");
  let ended = false;
  async function* endless() {
    try {
      for (;;) yield crypto.getRandomValues(new Uint8Array(65_536));
    } finally {
      ended = true;
    }
  }
  for await (const _ of compressed({ stream: endless(), contentType: "" }, "gzip").stream) break;
  expect(ended).toBe(true);
});
