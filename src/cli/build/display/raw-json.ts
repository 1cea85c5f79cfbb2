import type { WireBuildEvent } from "../../../wire/build-messages.ts";

/** A batch of events as `--progress=rawjson` of buildx has it. @see BuildKit client/graph.go `SolveStatus` */
export function rawLine(events: readonly WireBuildEvent[]): string {
  const line: Record<string, unknown[]> = {};
  const add = (name: string, value: unknown) => void (line[name] ??= []).push(value);
  for (const { Vertex, Progress, Log, Warning } of events) {
    if (Vertex !== undefined) add("vertexes", vertexOf(Vertex));
    if (Progress !== undefined) add("statuses", statusOf(Progress));
    if (Log !== undefined)
      add("logs", { vertex: Log.Vertex, stream: Log.Stream, data: Log.Data, timestamp: timeOf(Log.At) });
    if (Warning !== undefined) add("warnings", warningOf(Warning));
  }
  return JSON.stringify(line);
}

function vertexOf({
  Digest,
  Inputs,
  Name,
  StartedAt,
  CompletedAt,
  Cached,
  Error,
}: NonNullable<WireBuildEvent["Vertex"]>) {
  return {
    digest: Digest,
    ...(Inputs.length > 0 && { inputs: Inputs }),
    name: Name,
    ...(StartedAt !== null && { started: timeOf(StartedAt) }),
    ...(CompletedAt !== null && { completed: timeOf(CompletedAt) }),
    ...(Cached && { cached: true }),
    ...(Error !== "" && { error: Error }),
  };
}

function statusOf({
  Vertex,
  Id,
  Name,
  Current,
  Total,
  StartedAt,
  CompletedAt,
}: NonNullable<WireBuildEvent["Progress"]>) {
  return {
    id: Id,
    vertex: Vertex,
    name: Name,
    total: Total,
    current: Current,
    timestamp: timeOf(CompletedAt ?? StartedAt),
    started: timeOf(StartedAt),
    ...(CompletedAt !== null && { completed: timeOf(CompletedAt) }),
  };
}

function warningOf({ Vertex, Warning }: NonNullable<WireBuildEvent["Warning"]>) {
  const base64 = (text: string) => Buffer.from(text).toString("base64");
  return {
    vertex: Vertex,
    level: 1,
    short: base64(`${Warning.Rule}: ${Warning.Message}`),
    detail: [base64(Warning.Description)],
    url: Warning.Url,
    sourceInfo: { filename: Warning.FileName, data: base64(Warning.Source) },
    range: Warning.Locations.map(({ Start, End }) => ({ start: { line: Start }, end: { line: End } })),
  };
}

function timeOf(ms: number): string {
  return new Date(ms).toISOString();
}
