import { hostPlatform, type Platform, parsePlatformSpecifier } from "../../formats/oci/platform.ts";
import { canonicalReference, parseTagged } from "../../formats/reference/reference.ts";
import type { BuildJob, FoundImage, SolveRequest } from "../builder.ts";
import { credentialsFor } from "../outputs/export-context.ts";
import type { ResolvedImage } from "../frontend/plan.ts";
import { createJobSteps, type JobSteps, pullProgress } from "./job-steps.ts";
import type { JobScope, RequestDeps } from "./solve-request.ts";

type ResolveDeps = Pick<RequestDeps, "resolver" | "clock">;

/** As a step of the build, which tells of the pull. */
export function resolveStep(
  { resolver, clock }: ResolveDeps,
  { request, scope, steps }: { request: Pick<SolveRequest, "pull" | "accounts">; scope: JobScope; steps: JobSteps },
  { reference, platform }: { reference: string; platform: Platform },
): Promise<ResolvedImage> {
  const { session, resources, signal } = scope;
  return steps.run(`[internal] load metadata for ${reference}`, (report, vertex) => {
    const progress = pullProgress(vertex, clock);
    return resolver.resolve({
      reference,
      platform,
      pull: request.pull,
      credentials: (host, own) => credentialsFor({ session, accounts: request.accounts }, host, own),
      report: (message) => {
        const event = progress(message);
        if (event !== undefined) report(event);
      },
      hold: resources.hold,
      signal,
    });
  });
}

/** An image that a client asks about, besides those of its Dockerfiles. */
export async function findImage(
  deps: ResolveDeps,
  { reference: text, platform: wanted, pull }: Parameters<BuildJob["resolveImage"]>[0],
  scope: JobScope,
): Promise<FoundImage> {
  const platform = wanted === "" ? hostPlatform() : parsePlatformSpecifier(wanted);
  const steps = createJobSteps({ report: scope.report, clock: deps.clock, signal: scope.signal });
  const asked = { reference: canonicalReference(parseTagged(text)), platform };
  const image = await resolveStep(deps, { request: { pull, accounts: {} }, scope, steps }, asked);
  const [, digest = image.row.manifestDigest] = image.reference.split("@");
  return { reference: image.reference, digest, config: image.document };
}
