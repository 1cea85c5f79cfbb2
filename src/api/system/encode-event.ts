import type { EngineEvent } from "../../engine/event-bus.ts";
import type { WireEvent } from "../../wire/events.ts";
import { encodeJsonSeq } from "../../wire/json-seq.ts";
import { encodeLine } from "../../wire/json-stream.ts";
import type { JsonStreamType } from "../content-types.ts";
import { atLeast } from "../version.ts";

/** Until 1.51 container and image events repeat themselves in three older fields. */
export function encodeEvent(event: EngineEvent, version: number): WireEvent {
  const { type, action, actorId, attributes, timeNs } = event;
  const legacy = !atLeast(version, 52) && (type === "container" || type === "image");
  const from = type === "container" ? attributes["image"] : undefined;
  return {
    ...(legacy ? { status: action, id: actorId, ...(from === undefined ? {} : { from }) } : {}),
    Type: type,
    Action: action,
    Actor: { ID: actorId, Attributes: attributes },
    scope: "local",
    time: Number(timeNs / 1_000_000_000n),
    timeNano: Number(timeNs),
  };
}

/** JSON numbers of JavaScript lose a nanosecond time's last digits; they are written as digits. */
export function encodeEventLine(event: EngineEvent, type: JsonStreamType, version: number): Uint8Array {
  const wire = encodeEvent(event, version);
  const exact = { ...wire, timeNano: JSON.rawJSON(event.timeNs.toString()) };
  return type === "application/json-seq" ? encodeJsonSeq(exact) : encodeLine(exact);
}

declare global {
  interface JSON {
    /** A value that is written as it is. @see proposal-json-parse-with-source */
    rawJSON(text: string): unknown;
  }
}
