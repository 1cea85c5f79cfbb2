import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { silentLogger } from "../../src/base/logger.ts";
import { createContexts } from "../../src/builder/contexts/create-contexts.ts";
import type { OpContext } from "../../src/builder/executor.ts";
import type { SourceOp } from "../../src/builder/graph.ts";
import { createSources } from "../../src/builder/sources/create-sources.ts";
import { openSourceStores } from "../../src/builder/sources/open-stores.ts";
import { contextOf } from "./world.ts";

/** What brings files from outside, over a directory of its own. */
export function openSourceBox() {
  const root = mkdtempSync(join(tmpdir(), "gantry-sources-"));
  const directory = join(root, "builder");
  mkdirSync(directory);
  const stores = openSourceStores(directory);
  const sources = createSources(stores);
  const contexts = createContexts({ ...stores, directory, bootId: "this", logger: silentLogger });
  return {
    root,
    directory,
    stores,
    sources,
    contexts,
    bring: async (op: SourceOp, more: Partial<OpContext> = {}) =>
      (await sources.source(op, { ...contextOf(), ...more })).source,
    async close() {
      await contexts.close();
      rmSync(root, { recursive: true, force: true });
    },
  };
}

export const OPTIONS = {
  session: undefined,
  vertex: "sha256:0",
  report: () => undefined,
  signal: new AbortController().signal,
};
