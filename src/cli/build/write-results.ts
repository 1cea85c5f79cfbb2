import { rmSync, writeFileSync } from "node:fs";
import type { WireBuildResult } from "../../wire/build-messages.ts";

/** An ID of an earlier build must not be taken for one of this. */
export function clearIdFile(path: string): void {
  if (path !== "") rmSync(path, { force: true });
}

/** `--iidfile`: the ID and nothing else. */
export function writeIdFile(path: string, imageId: string): void {
  if (path !== "" && imageId !== "") writeFileSync(path, imageId);
}

/** `--metadata-file`, as buildx writes it. */
export function writeMetadata(path: string, ref: string, result: WireBuildResult): void {
  if (path !== "") writeFileSync(path, `${JSON.stringify(metadataOf(ref, result), undefined, 2)}\n`);
}

/** Values that are JSON in base64 (`containerimage.descriptor`) become JSON. Pure. */
export function metadataOf(ref: string, { Response }: WireBuildResult): Record<string, unknown> {
  const all: [string, unknown][] = Object.entries(Response).map(([key, value]) => [key, decoded(value)]);
  all.push(["buildx.build.ref", `default/default/${ref}`]);
  return Object.fromEntries(all.toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

function decoded(value: string): unknown {
  if (!/^[A-Za-z0-9+/]{8,}={0,2}$/.test(value)) return value;
  const text = Buffer.from(value, "base64").toString();
  if (!text.startsWith("{")) return value;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return value; // it only looked like it
  }
}
