import type { ContextSource, HistoryRecord, SolveRequest } from "../builder.ts";
import type { BuildEvent } from "../events.ts";
import { withoutCredentials } from "../outputs/attestations/without-credentials.ts";

/** What the history says of a build, gathered while it runs. */
export class JobRecord {
  readonly #record: HistoryRecord;
  readonly #vertices = new Map<string, { done: boolean; cached: boolean }>();
  #warnings = 0;

  constructor(start: { ref: string; name: string; startedAt: Date }) {
    this.#record = {
      ...start,
      context: "",
      dockerfile: "",
      target: "",
      completedAt: undefined,
      status: "running",
      error: "",
      steps: { total: 0, completed: 0, cached: 0, warnings: 0 },
      imageId: undefined,
      platforms: [],
      pinned: false,
    };
  }

  get value(): HistoryRecord {
    const vertices = [...this.#vertices.values()];
    const steps = {
      total: vertices.length,
      completed: vertices.filter(({ done }) => done).length,
      cached: vertices.filter(({ cached }) => cached).length,
      warnings: this.#warnings,
    };
    return { ...this.#record, steps };
  }

  asked(request: SolveRequest): void {
    this.#record.context = describeSource(request.context);
    this.#record.dockerfile = request.fileName;
    this.#record.target = request.target;
    this.#record.platforms = request.platforms;
  }

  saw(event: BuildEvent): void {
    if (event.kind === "warning") this.#warnings++;
    if (event.kind !== "vertex") return;
    const { digest, completedAt, cached } = event.vertex;
    this.#vertices.set(digest, { done: completedAt !== undefined, cached });
  }

  made(imageId: string | undefined): void {
    this.#record.imageId = imageId;
  }

  ended(end: Pick<HistoryRecord, "status" | "error"> & { completedAt: Date }): void {
    Object.assign(this.#record, end, { error: withoutCredentials(end.error) });
  }
}

/** For people, without accounts and tokens; a directory of the client has no name here that says more. */
function describeSource(source: ContextSource | undefined): string {
  switch (source?.kind) {
    case undefined:
      return "";
    case "session":
      return source.name;
    case "archive":
      return "-";
    case "http":
    case "git":
      return withoutCredentials(source.url);
    case "image":
      return source.reference;
    case "layout":
      return `oci-layout ${source.digest}`;
    case "result":
      return "another build";
  }
}
