import type { WireEvent } from "../../wire/events.ts";
import type { Paint } from "../paint.ts";

/** With all digits of the time: a number does not hold nanoseconds since the epoch. */
export type ShownEvent = Omit<WireEvent, "timeNano"> & { timeNano: bigint };

/** For JSON.parse. */
export function exactNanoseconds(key: string, value: unknown, context: { source?: string }): unknown {
  return key === "timeNano" && /^\d+$/.test(context.source ?? "") ? BigInt(context.source ?? "0") : value;
}

/** The event as the daemon sent it; attributes sorted as Go sorts maps. */
export function eventJson(event: ShownEvent): string {
  const attributes = event.Actor.Attributes ?? {};
  const sorted = Object.fromEntries(
    Object.keys(attributes)
      .toSorted()
      .map((key) => [key, attributes[key]]),
  );
  const shown = { ...event, Actor: { ...event.Actor, Attributes: sorted }, timeNano: 0 };
  return JSON.stringify(shown).replace(/"timeNano":0/, () => `"timeNano":${event.timeNano}`);
}

/** `2024-05-01T10:00:00.123456789+02:00 container start <id> (image=x, name=y)`. */
export function eventLine(event: ShownEvent, paint: Paint): string {
  const attributes = event.Actor.Attributes ?? {};
  const pairs = Object.keys(attributes)
    .toSorted()
    .map((key) => `${key}=${attributes[key]}`);
  const tail = pairs.length === 0 ? "" : ` (${pairs.join(", ")})`;
  return `${rfc3339Nano(event)} ${paint.cyan(event.Type)} ${paint.yellow(event.Action)} ${event.Actor.ID}${tail}`;
}

/** Local time with nine digits. */
function rfc3339Nano(event: ShownEvent): string {
  const nano = event.timeNano ?? BigInt(event.time) * 1_000_000_000n;
  const date = new Date(Number(nano / 1_000_000n));
  const two = (value: number) => String(Math.abs(value)).padStart(2, "0");
  const offset = -date.getTimezoneOffset();
  const zone = offset === 0 ? "Z" : `${offset < 0 ? "-" : "+"}${two(Math.trunc(offset / 60))}:${two(offset % 60)}`;
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  const fraction = String(nano % 1_000_000_000n).padStart(9, "0");
  return `${day}T${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${fraction}${zone}`;
}
