import { EngineError } from "../base/errors.ts";
import type { Distribution } from "../images/distribution.ts";

/** TEMPORARY, until the registry client is merged: refuses everything. Delete this file with its one use in create-engine.ts. */
export function createNoDistribution(): Distribution {
  const missing = (what: string) => async () => {
    throw new EngineError("not-implemented", `${what} is not implemented by this engine yet`);
  };
  return {
    pull: missing("pulling images"),
    push: missing("pushing images"),
    inspect: missing("asking a registry"),
    manifest: missing("asking a registry"),
    putManifest: missing("asking a registry"),
    search: missing("searching a registry"),
    login: missing("logging in to a registry"),
  };
}
