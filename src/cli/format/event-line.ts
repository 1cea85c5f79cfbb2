import type { WireEvent } from "../../wire/events.ts";

/** `2024-05-01T10:00:00.123456789+02:00 container start <id> (image=x, name=y)`. */
export function eventLine(event: WireEvent): string {
  const attributes = event.Actor.Attributes ?? {};
  const pairs = Object.keys(attributes)
    .toSorted()
    .map((key) => `${key}=${attributes[key]}`);
  const tail = pairs.length === 0 ? "" : ` (${pairs.join(", ")})`;
  return `${rfc3339Nano(event)} ${event.Type} ${event.Action} ${event.Actor.ID}${tail}`;
}

/** Local time with nine digits. `timeNano` is beyond what a number holds exactly: its last digits are those of the double. */
function rfc3339Nano(event: WireEvent): string {
  const nano = BigInt(event.timeNano ?? 0) || BigInt(event.time) * 1_000_000_000n;
  const date = new Date(Number(nano / 1_000_000n));
  const two = (value: number) => String(Math.abs(value)).padStart(2, "0");
  const offset = -date.getTimezoneOffset();
  const zone = offset === 0 ? "Z" : `${offset < 0 ? "-" : "+"}${two(Math.trunc(offset / 60))}:${two(offset % 60)}`;
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  const fraction = String(nano % 1_000_000_000n).padStart(9, "0");
  return `${day}T${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${fraction}${zone}`;
}
