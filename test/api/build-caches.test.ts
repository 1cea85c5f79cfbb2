import { expect, test } from "bun:test";
import { type ServerDuplexStream, type ServerUnaryCall, type ServerWritableStream, status } from "@grpc/grpc-js";
import type { ClientLayouts } from "../../src/builder/session.ts";
import { digestOf } from "../../src/formats/oci/digest.ts";
import { collect, failure } from "../images/fixture.ts";
import { type Handlers, type Message, offerSession } from "./buildkit-peer.ts";
import { createFakeBuilder } from "./fake-builder.ts";
import { serveFake } from "./harness.ts";

const BLOB = Buffer.from("0123456789abcdef".repeat(200_000));
const DIGEST = digestOf(BLOB);
const never = new AbortController().signal;

type Callback = (error: { code: number; details: string } | null, answer?: Message) => void;

/** containerd's content service as its server answers, over blobs by store and digest. */
function contentService(stores: Map<string, Buffer>): Handlers {
  const key = (call: { metadata: { get(name: string): unknown[] } }, digest: string) =>
    `${String(call.metadata.get("buildkit-attachable-store-id")[0])} ${digest}`;
  const missing = { code: status.NOT_FOUND, details: "content not found" };
  return {
    "containerd.services.content.v1.Content": {
      Info(call: ServerUnaryCall<Message, Message>, callback: Callback) {
        const blob = stores.get(key(call, call.request.digest));
        if (blob === undefined) callback(missing);
        else callback(null, { info: { digest: call.request.digest, size: blob.length } });
      },
      Read(call: ServerWritableStream<Message, Message>) {
        const blob = stores.get(key(call, call.request.digest));
        if (blob === undefined) return void call.emit("error", missing);
        for (let at = 0; at < blob.length; at += 1 << 20)
          call.write({ offset: at, data: blob.subarray(at, at + (1 << 20)) });
        call.end();
      },
      Write(call: ServerDuplexStream<Message, Message>) {
        const parts: Buffer[] = [];
        let length = 0;
        call.on("data", ({ action, offset, data, expected, total }: Message) => {
          if (stores.has(key(call, expected))) {
            call.emit("error", { code: status.ALREADY_EXISTS, details: "content exists" });
            return;
          }
          if (offset !== length) {
            call.emit("error", { code: status.OUT_OF_RANGE, details: `write at ${offset}, expected ${length}` });
            return;
          }
          parts.push(Buffer.from(data));
          length += data.length;
          if (action === 2 || action === "COMMIT") {
            if (length !== total || digestOf(Buffer.concat(parts)) !== expected) {
              call.emit("error", { code: status.FAILED_PRECONDITION, details: "unexpected commit digest" });
              return;
            }
            stores.set(key(call, expected), Buffer.concat(parts));
          }
          call.write({ action, offset: length });
        });
        call.on("end", () => call.end());
      },
    },
  };
}

/** What the builder finds of the client's directories within a build. */
async function within(handlers: Handlers, work: (layouts: ClientLayouts | undefined) => Promise<void>): Promise<void> {
  const builder = createFakeBuilder();
  await using api = await serveFake({ builder });
  const over = Promise.withResolvers<void>();
  builder.onSolve(async ({ session }) => {
    await work(session?.layouts).then(over.resolve, over.reject);
  });
  using _session = await offerSession(api.socketPath, { id: "s1", handlers });
  await api.request("POST", "/build?version=2&session=s1&remote=client-session");
  await over.promise;
}

test("a BuildKit client keeps blobs of a cache in the directory that is named, and gives them back", async () => {
  const stores = new Map<string, Buffer>();
  await within(contentService(stores), async (layouts) => {
    if (layouts === undefined) throw new Error("no directories for caches");
    const blob = () => ({
      digest: DIGEST,
      sizeBytes: BLOB.length,
      bytes: (async function* () {
        yield BLOB;
      })(),
    });
    expect(await layouts.has("local:/cache", DIGEST, never)).toBe(false);
    await layouts.write("local:/cache", blob(), never);
    expect([...stores.keys()]).toEqual([`local:/cache ${DIGEST}`]);
    expect(await layouts.has("local:/cache", DIGEST, never)).toBe(true);
    expect(digestOf(await collect(layouts.read("local:/cache", DIGEST, never)))).toBe(DIGEST);
    // That it is there already is no failure.
    await layouts.write("local:/cache", blob(), never);
    const other = { ...blob(), digest: digestOf("other") };
    expect(await failure(layouts.write("local:/other", other, never))).toContain("unexpected commit digest");
    expect(await failure(collect(layouts.read("local:/other", DIGEST, never)))).toContain("content not found");
  });
});

test("a client that has no such service offers no directories for caches", () =>
  within({}, async (layouts) => expect(layouts).toBeUndefined()));
