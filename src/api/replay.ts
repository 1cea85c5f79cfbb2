import { Duplex } from "node:stream";

/**
 * Output of `past`, then of `live`; input goes to `live`. Without `live` it ends with `past`. `live` is held back meanwhile, not
 * read ahead.
 */
export function replayThen(past: AsyncIterable<Uint8Array> | undefined, live: Duplex | undefined): Duplex {
  return Duplex.from({
    readable: Duplex.from(outputs(past, live)),
    ...(live === undefined ? {} : { writable: live }),
  } as Parameters<typeof Duplex.from>[0] & object);
}

async function* outputs(
  past: AsyncIterable<Uint8Array> | undefined,
  live: Duplex | undefined,
): AsyncGenerator<Uint8Array> {
  if (past !== undefined) yield* past;
  if (live !== undefined) yield* live as AsyncIterable<Uint8Array>;
}
