import type { WireTransfer } from "../../../wire/build-messages.ts";
import { humanSize } from "../../format/units.ts";

/** `transferring context: 2.5kB`, `sha256:… 1.2MB / 3.4MB`. Pure. */
export function transferText({ Name, Id, Current, Total }: WireTransfer): string {
  const name = Name || Id;
  if (Total > 0) return `${name} ${humanSize(Current, 3)} / ${humanSize(Total, 3)}`;
  return Current > 0 ? `${name} ${humanSize(Current, 3)}` : name;
}

/** Of a transfer, until it was complete or until now. */
export function transferSeconds({ StartedAt, CompletedAt }: WireTransfer, nowMs: number): number {
  return Math.max(0, (CompletedAt ?? nowMs) - StartedAt) / 1000;
}
