import type { Clock } from "../../base/clock.ts";
import type { UnfinishedPullRecords } from "../../storage/records/unfinished-pulls.ts";

/** What a pull that was broken off has brought stays for so long. */
const KEPT_MS = 24 * 3600 * 1000;

/** Layers that a pull has brought whole are of no image until all are there; also another daemon's next attempt finds them. */
export interface UnfinishedPulls {
  begin(pull: string, keys: string[]): void;
  /** `isOver`: an image has it all now, or none ever will. Else it is kept for the next attempt. */
  end(pull: string, isOver: boolean): void;
  /** An image of that name was found whole: nothing is kept for another attempt. */
  drop(pull: string): void;
  /** What the collector leaves alone. Forgets what is too old. */
  keys(): string[];
  /** All of it becomes garbage, but what is under way. */
  forget(): void;
}

export function createUnfinishedPulls(deps: {
  records: UnfinishedPullRecords;
  clock: Pick<Clock, "now">;
}): UnfinishedPulls {
  const { records, clock } = deps;
  const rows = new Map(records.all().map((row) => [row.pull, row]));
  const underWay = new Map<string, number>();
  const leave = (pull: string) => {
    const left = (underWay.get(pull) ?? 1) - 1;
    if (left === 0) underWay.delete(pull);
    else underWay.set(pull, left);
  };
  const drop = (pull: string) => {
    records.delete(pull);
    rows.delete(pull);
  };
  return {
    begin(pull, keys) {
      const row = { pull, keys, begunAtMs: clock.now().getTime() };
      records.put(row);
      rows.set(pull, row);
      underWay.set(pull, (underWay.get(pull) ?? 0) + 1);
    },
    end(pull, isOver) {
      leave(pull);
      if (isOver && !underWay.has(pull)) drop(pull);
    },
    drop(pull) {
      if (rows.has(pull) && !underWay.has(pull)) drop(pull);
    },
    keys() {
      const oldest = clock.now().getTime() - KEPT_MS;
      for (const { pull, begunAtMs } of rows.values()) if (begunAtMs < oldest && !underWay.has(pull)) drop(pull);
      return Array.from(rows.values(), ({ keys }) => keys).flat();
    },
    forget() {
      for (const pull of rows.keys()) if (!underWay.has(pull)) drop(pull);
    },
  };
}
