import { createDeflateRaw, createGzip } from "node:zlib";
import type { StreamReply } from "./route.ts";

/** Docker's order of preference; its "deflate" has no zlib header. */
const ENCODERS = { gzip: () => createGzip(), deflate: () => createDeflateRaw() };

/** The same answer in a compression that the client accepts (`Accept-Encoding`). */
export function compressed(reply: StreamReply, accept: string | undefined): StreamReply {
  const encoding = chooseEncoding(accept);
  if (encoding === undefined) return reply;
  return {
    ...reply,
    stream: encoded(reply.stream, ENCODERS[encoding]()),
    headers: { ...reply.headers, "Content-Encoding": encoding },
  };
}

/** @see RFC 9110 "Accept-Encoding": `q=0` is a refusal. Pure. */
export function chooseEncoding(accept: string | undefined): keyof typeof ENCODERS | undefined {
  const accepted = new Set<string>();
  for (const part of (accept ?? "").toLowerCase().split(",")) {
    const [name = "", ...parameters] = part.split(";").map((text) => text.trim());
    const refused = parameters.some((parameter) => /^q=0(\.0*)?$/.test(parameter));
    if (!refused) accepted.add(name);
  }
  return (["gzip", "deflate"] as const).find((name) => accepted.has(name));
}

type Encoder = ReturnType<(typeof ENCODERS)["gzip"]>;

async function* encoded(source: AsyncIterable<Uint8Array>, encoder: Encoder): AsyncGenerator<Uint8Array> {
  // What the source throws comes out of the encoder.
  const feeding = feed(source, encoder).catch((error: Error) => encoder.destroy(error));
  try {
    for await (const bytes of encoder) yield bytes as Uint8Array;
  } finally {
    encoder.destroy();
    await feeding;
  }
}

async function feed(source: AsyncIterable<Uint8Array>, encoder: Encoder): Promise<void> {
  for await (const bytes of source) {
    if (encoder.destroyed) return;
    if (!encoder.write(bytes)) await drained(encoder);
  }
  encoder.end();
}

function drained(encoder: Encoder): Promise<void> {
  return new Promise((resolve) => {
    const settle = () => {
      encoder.off("drain", settle).off("close", settle);
      resolve();
    };
    encoder.on("drain", settle).on("close", settle);
    if (encoder.destroyed) settle();
  });
}
