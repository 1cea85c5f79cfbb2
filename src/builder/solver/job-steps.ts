import type { Clock } from "../../base/clock.ts";
import { messageOf } from "../../base/errors.ts";
import { digestOf } from "../../formats/oci/digest.ts";
import type { ProgressMessage } from "../../images/images.ts";
import type { BuildEvent, VertexStatus } from "../events.ts";
import { CANCELED } from "./solve-graph.ts";

/** What a build does besides its graph is told as steps, too: `[internal] load metadata for …`, exporting. */
export interface JobSteps {
  /** Digest of the step with this name. */
  digest(name: string): string;
  /** Tells that it begins and how it ends. Again under the same name: it goes on. */
  run<T>(name: string, work: (report: (event: BuildEvent) => void, digest: string) => Promise<T>): Promise<T>;
}

export function createJobSteps(deps: {
  report: (event: BuildEvent) => void;
  clock: Pick<Clock, "now">;
  signal: AbortSignal;
}): JobSteps {
  const { report, clock, signal } = deps;
  const statuses = new Map<string, VertexStatus>();
  const digest = (name: string) => digestOf(`step ${name}`);
  return {
    digest,
    async run(name, work) {
      const status = statuses.get(name) ?? newStatus(name, digest(name));
      statuses.set(name, status);
      const tell = (change: Partial<VertexStatus>) => {
        Object.assign(status, change);
        report({ kind: "vertex", vertex: { ...status } });
      };
      tell({ startedAt: status.startedAt ?? clock.now(), completedAt: undefined });
      try {
        const result = await work(report, status.digest);
        tell({ completedAt: clock.now() });
        return result;
      } catch (error) {
        tell({ completedAt: clock.now(), error: signal.aborted ? CANCELED : messageOf(error) });
        throw error;
      }
    },
  };
}

function newStatus(name: string, digest: string): VertexStatus {
  const times = { startedAt: undefined, completedAt: undefined };
  return { digest, inputs: [], name, ...times, cached: false, error: "", stage: "", step: "" };
}

/** A line of a pull's progress as an event of the step that pulls. Lines without an ID say nothing that counts. */
export function pullProgress(
  vertex: string,
  clock: Pick<Clock, "now">,
): (message: ProgressMessage) => BuildEvent | undefined {
  const started = new Map<string, Date>();
  return ({ id, status = "", current = 0, total = 0 }) => {
    if (id === undefined) return undefined;
    const startedAt = started.get(id) ?? clock.now();
    started.set(id, startedAt);
    const completedAt = /^(Pull complete|Already exists|Digest:)/.test(status) ? clock.now() : undefined;
    return { kind: "progress", vertex, id, name: `${id} ${status}`, current, total, startedAt, completedAt };
  };
}
