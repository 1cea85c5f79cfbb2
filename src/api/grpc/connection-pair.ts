import { type Duplex, duplexPair } from "node:stream";

/** Two ends of one connection in memory: what breaks one of them breaks the other. */
export function connectionPair(): [Duplex, Duplex] {
  const [near, far] = duplexPair();
  for (const [one, other] of [
    [near, far],
    [far, near],
  ] as const) {
    one.once("close", () => other.destroy());
    one.on("error", () => one.destroy());
  }
  return [near, far];
}
