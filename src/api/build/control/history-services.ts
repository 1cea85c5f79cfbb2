import { invalid } from "../../../base/errors.ts";
import type { Builder, HistoryChange, HistoryRecord as BuildRecord } from "../../../builder/builder.ts";
import {
  CONTROL,
  HISTORY_EVENT,
  HistoryEvent,
  HistoryRecord,
  HistoryRequest,
  UpdateHistoryRequest,
} from "../../../wire/buildkit/control.ts";
import { Empty } from "../../../wire/buildkit/session.ts";
import { GRPC } from "../../../wire/grpc/status.ts";
import type { MessageOf } from "../../../wire/protobuf/message.ts";
import { type CallHandler, serverStream, unary } from "../../grpc/server.ts";
import { optionalTimestamp, timestamp } from "../buildkit/encode-status.ts";

type History = Pick<Builder, "history" | "watchHistory" | "pin" | "forget">;
type Request = MessageOf<typeof HistoryRequest>;

const EVENTS = {
  started: HISTORY_EVENT.started,
  completed: HISTORY_EVENT.complete,
  deleted: HISTORY_EVENT.deleted,
} as const satisfies Record<HistoryChange["type"], number>;

/** Builds that were, and what becomes of them. */
export function historyServices(builder: History): [string, CallHandler][] {
  return [
    [
      `${CONTROL}ListenBuildHistory`,
      serverStream({ input: HistoryRequest, output: HistoryEvent }, (request, { signal }) =>
        listen(builder, request, signal),
      ),
    ],
    [
      `${CONTROL}UpdateBuildHistory`,
      unary({ input: UpdateHistoryRequest, output: Empty }, ({ ref, delete: isDelete, finalize, pinned }) => {
        if (isDelete) builder.forget(ref);
        // Nothing of a record is written later than its end.
        else if (!finalize) builder.pin(ref, pinned);
        return {};
      }),
    ],
  ];
}

/** What is known, then what happens, unless the client wants no more (`earlyExit`). A deletion is told as it happens only. */
async function* listen(builder: History, request: Request, signal: AbortSignal) {
  const isWanted = filterOf(request);
  const enough = new AbortController();
  // Before the list: nothing may fall between the two.
  const changes = builder.watchHistory(AbortSignal.any([signal, enough.signal]));
  try {
    const listed = builder
      .history()
      .filter((record) => isWanted(record) && (!request.activeOnly || record.completedAt === undefined));
    for (const record of request.limit > 0 ? listed.slice(0, request.limit) : listed) {
      yield encodeChange({ type: record.completedAt === undefined ? "started" : "completed", record });
    }
    if (request.earlyExit) return;
    for await (const change of changes) if (isWanted(change.record)) yield encodeChange(change);
  } finally {
    enough.abort();
  }
}

/** containerd's filters, as far as buildx makes them: `status==completed`, `ref!=x`; all of one, any of several. Throws. */
function filterOf({ ref, filter }: Request): (record: BuildRecord) => boolean {
  const alternatives = filter.map((text) => text.split(",").map(parseTerm));
  return (record) =>
    (ref === "" || record.ref === ref) &&
    (alternatives.length === 0 || alternatives.some((terms) => terms.every((term) => term(record))));
}

function parseTerm(text: string): (record: BuildRecord) => boolean {
  const [, field, operator, value = ""] = /^(ref|status)(==|!=)(.*)$/.exec(text) ?? [];
  if (field !== "ref" && field !== "status") throw invalid(`invalid filter ${JSON.stringify(text.slice(0, 256))}`);
  const wanted = value.replace(/^"(.*)"$/, "$1");
  return (record) => (record[field] === wanted) === (operator === "==");
}

function encodeChange({ type, record }: HistoryChange): MessageOf<typeof HistoryEvent> {
  return HistoryEvent.create({ type: EVENTS[type], record: encodeHistory(record) });
}

function encodeHistory(record: BuildRecord) {
  const { steps, imageId } = record;
  const attributes = { filename: record.dockerfile, target: record.target, context: record.context };
  return HistoryRecord.create({
    ref: record.ref,
    frontend: "dockerfile.v0",
    frontendAttributes: new Map(Object.entries(attributes).filter(([, value]) => value !== "")),
    error: record.error === "" ? undefined : { code: GRPC.unknown, message: record.error },
    createdAt: timestamp(record.startedAt),
    completedAt: optionalTimestamp(record.completedAt),
    exporterResponse: new Map(imageId === undefined ? [] : [["containerimage.config.digest", imageId]]),
    pinned: record.pinned,
    numCachedSteps: steps.cached,
    numTotalSteps: steps.total,
    numCompletedSteps: steps.completed,
    numWarnings: steps.warnings,
  });
}
