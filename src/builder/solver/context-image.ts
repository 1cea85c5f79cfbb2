import { EngineError } from "../../base/errors.ts";
import { chainIds } from "../../formats/oci/chain-id.ts";
import { digestOf } from "../../formats/oci/digest.ts";
import type { Platform } from "../../formats/oci/platform.ts";
import type { ContextSource, SolveRequest } from "../builder.ts";
import type { ResolvedImage } from "../frontend/plan.ts";
import type { JobSteps } from "./job-steps.ts";
import type { JobScope, RequestDeps } from "./solve-request.ts";

/** The image of a named context that is no image of the engine. It is held until the build is over. */
export async function contextImage(
  deps: Pick<RequestDeps, "snapshots" | "bringLayout">,
  { request, scope, steps }: { request: SolveRequest; scope: JobScope; steps: JobSteps },
  { name, platform }: { name: string; platform: Platform },
): Promise<ResolvedImage> {
  const source = request.namedContexts[name];
  const { session, signal } = scope;
  const { hold } = scope.resources;
  if (source?.kind === "result") return resultImage(deps, source, { name, hold });
  if (source?.kind !== "layout") throw new Error(`context ${name} is no image of its own`);
  return steps.run(`[context ${name}] load from client`, () =>
    deps.bringLayout({ source, session, platform, hold, signal }),
  );
}

/**
 * What another build has made, as the image that it would become. That build may be over, and its layers are the cache's then: throws
 * not-found where they have gone meanwhile.
 */
function resultImage(
  { snapshots }: Pick<RequestDeps, "snapshots">,
  { target, config }: Extract<ContextSource, { kind: "result" }>,
  { name, hold }: { name: string; hold: (keys: string[]) => void },
): ResolvedImage {
  const { layers } = target.result;
  const chain = chainIds(layers.map(({ diffId }) => diffId));
  hold(chain);
  const missing = chain.find((chainId) => !snapshots.has(chainId));
  if (missing !== undefined) {
    throw new EngineError("not-found", `context ${name}: the result of the other build is not in the cache any more`);
  }
  const id = digestOf(JSON.stringify(["result", target.result.chainId ?? "", config]));
  return {
    row: { id, manifestDigest: id, layers },
    reference: name,
    // A result has no list of its layers yet: who exports it adds that.
    document: { ...config, rootfs: { type: "layers", diff_ids: layers.map(({ diffId }) => diffId) } },
    platform: target.platform,
    materials: target.materials,
  };
}
