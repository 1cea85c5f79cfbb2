import type { Context } from "./context.ts";

/** The names of the catalogue, page by page. */
export interface RepositoryNames {
  loaded(): readonly string[];
  complete(): boolean;
  /** The next page; callers at the same time share it. */
  more(): Promise<void>;
}

/** A catalogue that never ends is not read for ever. */
const NAMES = 100_000;

export function createRepositoryNames({ registry, signal }: Context): RepositoryNames {
  const names: string[] = [];
  let next: string | undefined;
  let complete = false;
  let running: Promise<void> | undefined;

  async function load(): Promise<void> {
    try {
      const page = await registry.repositories(next, signal);
      names.push(...page.items);
      next = page.next;
      complete = next === undefined || names.length >= NAMES;
    } finally {
      running = undefined;
    }
  }
  return {
    loaded: () => names,
    complete: () => complete,
    more: () => {
      running ??= load();
      return running;
    },
  };
}
