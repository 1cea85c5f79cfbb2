import type { BuildEvent, BuildWarning, VertexStatus as BuildVertex } from "../../../builder/events.ts";
import {
  StatusResponse,
  Timestamp,
  Vertex,
  VertexLog,
  VertexStatus,
  VertexWarning,
} from "../../../wire/buildkit/control.ts";

/** BuildKit's message of what has happened. Pure. `now`: when counts were taken. */
export function encodeStatus(events: readonly BuildEvent[], now: Date): StatusResponse {
  const status = StatusResponse.create();
  for (const event of events) {
    if (event.kind === "vertex") status.vertexes.push(encodeVertex(event.vertex));
    else if (event.kind === "progress") status.statuses.push(encodeProgress(event, now));
    else if (event.kind === "warning") status.warnings.push(encodeWarning(event.vertex, event.warning));
    else if (event.kind === "log") {
      const { vertex, stream, data, at } = event;
      status.logs.push(VertexLog.create({ vertex, timestamp: timestamp(at), stream, msg: data }));
    }
  }
  return status;
}

export function outputBytes(event: BuildEvent): number {
  return event.kind === "log" ? event.data.byteLength : 0;
}

function encodeVertex({ digest, inputs, name, cached, startedAt, completedAt, error }: BuildVertex) {
  return Vertex.create({
    digest,
    inputs,
    name,
    cached,
    started: optionalTimestamp(startedAt),
    completed: optionalTimestamp(completedAt),
    error,
  });
}

function encodeProgress(event: Extract<BuildEvent, { kind: "progress" }>, now: Date) {
  // Clients show the ID as the line's text.
  return VertexStatus.create({
    id: event.name === "" ? event.id : event.name,
    vertex: event.vertex,
    name: event.id,
    current: event.current,
    total: event.total,
    timestamp: timestamp(now),
    started: timestamp(event.startedAt),
    completed: optionalTimestamp(event.completedAt),
  });
}

const encoder = new TextEncoder();

/** `short` is what is wrong here, the first line of details what the rule is about. */
export function encodeWarning(vertex: string, warning: BuildWarning) {
  return VertexWarning.create({
    vertex,
    level: 1,
    short: encoder.encode(`${warning.rule}: ${warning.message}`),
    detail: [encoder.encode(warning.description)],
    url: warning.url,
    info: { filename: warning.fileName, data: encoder.encode(warning.source), language: "Dockerfile" },
    ranges: warning.locations.map(({ startLine, endLine }) => ({
      start: { line: startLine, character: 0 },
      end: { line: endLine, character: 0 },
    })),
  });
}

export function timestamp(date: Date) {
  const ms = date.getTime();
  const seconds = Math.floor(ms / 1000);
  return Timestamp.create({ seconds, nanos: (ms - seconds * 1000) * 1_000_000 });
}

export function optionalTimestamp(date: Date | undefined) {
  return date === undefined ? undefined : timestamp(date);
}
