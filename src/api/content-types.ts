import { atLeast } from "./version.ts";

const RAW = "application/vnd.docker.raw-stream";
const MULTIPLEXED = "application/vnd.docker.multiplexed-stream";

/** A terminal's bytes are raw. Before 1.42 the framed ones were called raw too. */
export function streamContentType(tty: boolean, version: number): string {
  return tty || !atLeast(version, 42) ? RAW : MULTIPLEXED;
}

export const TAR = "application/x-tar";

/** One encoding of a stream of JSON values. */
export type JsonStreamType = "application/jsonl" | "application/x-ndjson" | "application/json-seq" | "application/json";

const NEGOTIABLE: JsonStreamType[] = ["application/jsonl", "application/x-ndjson", "application/json-seq"];

/** What `GET /events` answers: since 1.52 by `Accept`, before always `application/json`. */
export function eventsContentType(accept: string | undefined, version: number): JsonStreamType {
  if (!atLeast(version, 52)) return "application/json";
  const wanted = (accept ?? "").split(",").map((part) => part.split(";")[0]?.trim().toLowerCase());
  return NEGOTIABLE.find((type) => wanted.includes(type)) ?? "application/jsonl";
}
