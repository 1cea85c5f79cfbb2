import { sharePassesByKey } from "../../base/share-passes.ts";
import type { SurveyRow, SurveyRule } from "../../kernel/survey.ts";

/** Work on whole trees, which takes milliseconds to minutes, away from the event loop. Calls that wait for the same are merged. */
export interface Housekeeper {
  /**
   * Deletes everything below `directory`, not the directory itself. For each name in it: bytes of the files in its directories that
   * had no further name when it was their turn.
   */
  sweep(directory: string): Promise<Record<string, number>>;
  /** Bytes of the files below `directory`, each inode once; directories count nothing (as `docker ps -s` counts). */
  usage(directory: string): Promise<number>;
  /** Sizes of the parts of a tree; see `surveyTree`. */
  survey(directory: string, rules: SurveyRule[]): Promise<SurveyRow[]>;
  /** Makes durable everything written to the file system of `directory`. */
  sync(directory: string): Promise<void>;
  close(): Promise<void>;
}

export type HousekeepingRequest = { directory: string } & (
  | { operation: "sweep" | "usage" | "sync" }
  | { operation: "survey"; rules: SurveyRule[] }
);
export type HousekeepingMessage = { id: number; request: HousekeepingRequest };
/** `bytes` of a usage, `rows` of a survey, what a sweep has `freed`. */
export type HousekeepingResult = { bytes?: number; rows?: SurveyRow[]; freed?: Record<string, number> };
export type HousekeepingReply = { id: number; result: HousekeepingResult } | { id: number; error: string };

/** Removals and surveys have workers of their own: a huge one must not delay the rest, least of all a sync. */
export function createHousekeeper(): Housekeeper {
  const [remover, syncer, surveyor] = [createHand(), createHand(), createHand()];
  const [syncs, usages] = [sharePassesByKey<void>(), sharePassesByKey<number>()];
  const sweeps = sharePassesByKey<Record<string, number>>();
  const surveys = sharePassesByKey<SurveyRow[]>();
  return {
    sweep: (directory) =>
      sweeps(directory, async () => (await remover.ask({ operation: "sweep", directory })).freed ?? {}),
    sync: (directory) => syncs(directory, async () => void (await syncer.ask({ operation: "sync", directory }))),
    usage: (directory) =>
      usages(directory, async () => (await surveyor.ask({ operation: "usage", directory })).bytes ?? 0),
    survey: (directory, rules) =>
      surveys(
        JSON.stringify([directory, rules]),
        async () => (await surveyor.ask({ operation: "survey", directory, rules })).rows ?? [],
      ),
    async close() {
      for (const hand of [remover, syncer, surveyor]) hand.close();
    },
  };
}

/** One worker, started at the first request and kept; it does not keep the process alive. */
function createHand() {
  const waiting = new Map<number, { resolve(value: HousekeepingResult): void; reject(error: Error): void }>();
  let worker: Worker | undefined;
  let lastId = 0;
  const fail = (message: string) => {
    for (const request of waiting.values()) request.reject(new Error(message));
    waiting.clear();
    worker = undefined;
  };
  const start = () => {
    const started = new Worker(new URL("./housekeeping-worker.ts", import.meta.url));
    started.onmessage = ({ data }: MessageEvent<HousekeepingReply>) => {
      const request = waiting.get(data.id);
      waiting.delete(data.id);
      if (waiting.size === 0) started.unref();
      if ("error" in data) request?.reject(new Error(data.error));
      else request?.resolve(data.result);
    };
    started.onerror = ({ message }) => fail(`housekeeping worker: ${message}`);
    return started;
  };
  return {
    ask(request: HousekeepingRequest): Promise<HousekeepingResult> {
      const id = ++lastId;
      worker ??= start();
      worker.ref();
      const result = new Promise<HousekeepingResult>((resolve, reject) => waiting.set(id, { resolve, reject }));
      worker.postMessage({ id, request } satisfies HousekeepingMessage);
      return result;
    },
    close() {
      worker?.terminate();
      fail("closed");
    },
  };
}
