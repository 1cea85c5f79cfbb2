import type { Change, PathStatus } from "../../containers/files/files.ts";
import type { WireChange, WirePathStat } from "../../wire/containers.ts";
import { toGoMode } from "../../wire/file-mode.ts";

const KINDS = { modified: 0, added: 1, deleted: 2 } as const;

export function encodeChange({ kind, path }: Change): WireChange {
  return { Path: path, Kind: KINDS[kind] };
}

/** The header with which HEAD and GET of a path answer. */
export function pathStatHeader(status: PathStatus): Record<string, string> {
  const stat: WirePathStat = {
    name: status.name,
    size: status.sizeBytes,
    mode: toGoMode(status.mode),
    mtime: rfc3339(status.modifiedSeconds, status.modifiedNanoseconds),
    linkTarget: status.linkTarget,
  };
  return { "X-Docker-Container-Path-Stat": Buffer.from(JSON.stringify(stat)).toString("base64") };
}

/** What JavaScript's dates and Go's JSON can say: years 0 to 9999. */
const [FIRST_SECOND, LAST_SECOND] = [-62_167_219_200n, 253_402_300_799n];

function rfc3339(seconds: bigint, nanoseconds: number): string {
  const within = seconds < FIRST_SECOND ? FIRST_SECOND : seconds > LAST_SECOND ? LAST_SECOND : seconds;
  const text = new Date(Number(within) * 1000).toISOString().replace(/\.\d+Z$/, "");
  const fraction = String(nanoseconds).padStart(9, "0").replace(/0+$/, "");
  return fraction === "" ? `${text}Z` : `${text}.${fraction}Z`;
}
