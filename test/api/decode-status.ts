import { join } from "node:path";
import { loadSync } from "@grpc/proto-loader";
import type { Message } from "./buildkit-peer.ts";

const CONTROL = join(import.meta.dir, "testdata/buildkit/control.proto");

/** A StatusResponse, read by another library than ours. */
export function decodeStatus(bytes: Buffer): Message {
  const control = loadSync(CONTROL, { keepCase: true, longs: Number })["moby.buildkit.v1.Control"];
  const method = (control as unknown as Record<string, { responseDeserialize(bytes: Buffer): Message }>)["Status"];
  if (method === undefined) throw new Error("no Status in control.proto");
  return method.responseDeserialize(bytes);
}
