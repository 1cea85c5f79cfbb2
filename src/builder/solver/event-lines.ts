import type { BuildEvent } from "../events.ts";

type Stored = Record<string, unknown>;

/** Names whose values are times, in events and in what they hold. */
const TIMES = new Set(["startedAt", "completedAt", "at"]);

/** Events as JSON, one a line, output in base64. Of more than `limitBytes` the newest. */
export function encodeEvents(events: BuildEvent[], limitBytes: number): Uint8Array {
  const lines: string[] = [];
  let bytes = 0;
  for (const event of events.toReversed()) {
    const stored = event.kind === "log" ? { ...event, data: Buffer.from(event.data).toString("base64") } : event;
    const line = `${JSON.stringify(stored)}\n`;
    bytes += Buffer.byteLength(line);
    if (bytes > limitBytes) break;
    lines.push(line);
  }
  return Buffer.from(lines.reverse().join(""));
}

export function decodeEvents(bytes: Uint8Array): BuildEvent[] {
  const lines = Buffer.from(bytes).toString().split("\n");
  return lines.filter((line) => line !== "").map((line) => revive(JSON.parse(line) as Stored));
}

/** JSON leaves out what is undefined and writes times as text. */
function revive(stored: Stored): BuildEvent {
  const event = withTimes(stored);
  if (event["kind"] === "vertex") event["vertex"] = withTimes(event["vertex"] as Stored);
  if (event["kind"] === "log") event["data"] = Buffer.from(String(event["data"]), "base64");
  return event as unknown as BuildEvent;
}

function withTimes(stored: Stored): Stored {
  const times = [...TIMES].filter((name) => stored[name] !== undefined);
  return { ...stored, ...Object.fromEntries(times.map((name) => [name, new Date(String(stored[name]))])) };
}
