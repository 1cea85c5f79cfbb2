import { messageOf } from "../../base/errors.ts";
import type { Clock } from "../../base/clock.ts";
import { digestOf } from "../../formats/oci/digest.ts";
import type { ProgressMessage } from "../../images/images.ts";
import type { BuildEvent } from "../events.ts";

/** Tells of one piece of work as a vertex of the build, with steps within. */
export interface Progress {
  /** `name`: as BuildKit says it: `writing image sha256:…`. */
  step<T>(name: string, work: () => Promise<T>): Promise<T>;
  /** For what tells of its own progress, layer by layer. */
  messages(message: ProgressMessage): void;
}

export interface ProgressOptions {
  /** What the vertex is called, and what tells it from others of its name. */
  name: string;
  seed: string;
  report: (event: BuildEvent) => void;
  clock: Pick<Clock, "now">;
}

export async function asVertex<T>(
  { name, seed, report, clock }: ProgressOptions,
  work: (progress: Progress) => Promise<T>,
): Promise<T> {
  const digest = digestOf(JSON.stringify([seed, name]));
  const startedAt = clock.now();
  const tell = (completedAt: Date | undefined, error: string) =>
    report({
      kind: "vertex",
      vertex: { digest, inputs: [], name, startedAt, completedAt, cached: false, error, stage: "", step: "" },
    });
  tell(undefined, "");
  try {
    const result = await work(createProgress({ digest, report, clock }));
    tell(clock.now(), "");
    return result;
  } catch (error) {
    tell(clock.now(), messageOf(error));
    throw error;
  }
}

function createProgress({
  digest,
  report,
  clock,
}: Pick<ProgressOptions, "report" | "clock"> & { digest: string }): Progress {
  const begun = new Map<string, Date>();
  const tell = (name: string, state: { current: number; total: number; isOver: boolean }) => {
    const startedAt = begun.get(name) ?? clock.now();
    begun.set(name, startedAt);
    const { current, total, isOver } = state;
    const completedAt = isOver ? clock.now() : undefined;
    report({ kind: "progress", vertex: digest, id: name, name, current, total, startedAt, completedAt });
  };
  return {
    async step(name, work) {
      tell(name, { current: 0, total: 0, isOver: false });
      const result = await work();
      tell(name, { current: 0, total: 0, isOver: true });
      return result;
    },
    messages({ id, status = "", current, total = 0 }) {
      if (id === undefined || status === "" || status === "Preparing") return;
      tell(`pushing layer ${id}`, { current: current ?? total, total, isOver: current === undefined });
    },
  };
}
