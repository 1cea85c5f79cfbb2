import type { HistoryRecord } from "../../builder/builder.ts";
import type { BuildEvent, BuildWarning } from "../../builder/events.ts";
import type { WireBuildEvent, WireBuildRecord, WireBuildWarning } from "../../wire/build-messages.ts";

/** Longer Dockerfiles do not go along with a warning about them. */
const MAX_SOURCE_CHARACTERS = 64 * 1024;

/** undefined: our client has no use for it. */
export function encodeEvent(event: BuildEvent): WireBuildEvent | undefined {
  switch (event.kind) {
    case "vertex": {
      const { digest, inputs, name, startedAt, completedAt, cached, error, stage, step } = event.vertex;
      return {
        Vertex: {
          Digest: digest,
          Inputs: inputs,
          Name: name,
          StartedAt: timeOf(startedAt),
          CompletedAt: timeOf(completedAt),
          Cached: cached,
          Error: error,
          Stage: stage,
          Step: step,
        },
      };
    }
    case "progress":
      return {
        Progress: {
          Vertex: event.vertex,
          Id: event.id,
          Name: event.name,
          Current: event.current,
          Total: event.total,
          StartedAt: event.startedAt.getTime(),
          CompletedAt: timeOf(event.completedAt),
        },
      };
    case "log": {
      const { vertex, stream, data, at } = event;
      return { Log: { Vertex: vertex, Stream: stream, Data: Buffer.from(data).toString("base64"), At: at.getTime() } };
    }
    case "warning":
      return { Warning: { Vertex: event.vertex, Warning: encodeWarning(event.warning) } };
    case "steps":
      return undefined;
  }
}

export function encodeWarning(warning: BuildWarning): WireBuildWarning {
  const { rule, description, url, message, fileName, locations, source } = warning;
  return {
    Rule: rule,
    Description: description,
    Url: url,
    Message: message,
    FileName: fileName,
    Locations: locations.map(({ startLine, endLine }) => ({ Start: startLine, End: endLine })),
    Source: source.length > MAX_SOURCE_CHARACTERS ? "" : source,
  };
}

export function encodeRecord(record: HistoryRecord): WireBuildRecord {
  const { steps } = record;
  return {
    Ref: record.ref,
    Name: record.name,
    Context: record.context,
    Dockerfile: record.dockerfile,
    Target: record.target,
    StartedAt: record.startedAt.getTime(),
    CompletedAt: timeOf(record.completedAt),
    Status: record.status,
    Error: record.error,
    Steps: { Total: steps.total, Completed: steps.completed, Cached: steps.cached, Warnings: steps.warnings },
    ImageId: record.imageId ?? "",
    Platforms: record.platforms,
  };
}

function timeOf(date: Date | undefined): number | null {
  return date === undefined ? null : date.getTime();
}
