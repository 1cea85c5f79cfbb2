import { ClientError } from "../../../client/errors.ts";
import type { Transport } from "../../../client/transport.ts";
import type { WireBuildRecord } from "../../../wire/build-messages.ts";

/** Newest first. Throws where the daemon keeps none. */
export async function buildRecords(transport: Transport): Promise<WireBuildRecord[]> {
  try {
    return await (await transport.call("GET", "/gantry/build/history")).json<WireBuildRecord[]>();
  } catch (error) {
    if (!(error instanceof ClientError) || error.status !== 404) throw error;
    throw new Error("this daemon is not Gantry: it keeps no history of builds that can be asked for here", {
      cause: error,
    });
  }
}

/** By its reference, the beginning of one, or `^N`: the Nth before the last. "": the last. Throws. Pure. */
export function findRecord(records: readonly WireBuildRecord[], reference: string): WireBuildRecord {
  const back = /^\^(\d+)$/.exec(reference || "^0")?.[1];
  if (back !== undefined) {
    const record = records[Number(back)];
    if (record === undefined)
      throw new Error(records.length === 0 ? "no build records yet" : `only ${records.length} build records`);
    return record;
  }
  // As `--metadata-file` and buildx write it.
  const ref = reference.slice(reference.lastIndexOf("/") + 1);
  const found = records.filter(({ Ref }) => Ref.startsWith(ref));
  const exact = found.find(({ Ref }) => Ref === ref) ?? found[0];
  if (exact === undefined) throw new Error(`no record found for ${JSON.stringify(reference)}`);
  if (found.length > 1 && exact.Ref !== ref)
    throw new Error(`${JSON.stringify(reference)} is the beginning of ${found.length} builds`);
  return exact;
}

/** `0.3s`, `12.0s`, `2m 5s`. Pure. */
export function durationText({ StartedAt, CompletedAt }: WireBuildRecord, nowMs: number): string {
  const seconds = Math.max(0, (CompletedAt ?? nowMs) - StartedAt) / 1000;
  if (seconds < 60) return `${seconds.toFixed(1)}s`;
  return `${Math.floor(seconds / 60)}m ${Math.floor(seconds % 60)}s`;
}

/** What a build is called: its own name, else its context and target. Pure. */
export function nameOf({ Name, Context, Target }: WireBuildRecord): string {
  if (Name !== "") return Name;
  return [Context || "-", Target === "" ? "" : `(${Target})`].filter(Boolean).join(" ");
}
