import { createCompressor } from "../../storage/content/compress/compress.ts";
import type { CacheSpec, ExportResult, Output, Solved, SolveRequest } from "../builder.ts";
import type { BuildEvent } from "../events.ts";
import type { CachedResult, CacheImporter } from "../remote-cache.ts";
import type { BuildSession } from "../session.ts";
import { exportArchive } from "./archive/export-archive.ts";
import { predicateMaker } from "./attestations/make-predicates.ts";
import type { BuildSource } from "./attestations/provenance.ts";
import { exportCache } from "./cache/export-cache.ts";
import { importCaches } from "./cache/import-caches.ts";
import { checkOutputs } from "./check-outputs.ts";
import type { ExportContext, OutputsDeps } from "./export-context.ts";
import { exportImage } from "./image/export-image.ts";
import { asVertex } from "./progress.ts";
import { exportTree } from "./tree/export-tree.ts";

export interface ExportOptions {
  /** Name of the build. */
  ref: string;
  request: SolveRequest;
  startedAt: Date;
  cacheTo: CacheSpec[];
  /** Every result of the build with its key, for `cacheTo`. */
  cached: CachedResult[];
  /** For provenance of mode max. */
  source: BuildSource | undefined;
  session: BuildSession | undefined;
  report: (event: BuildEvent) => void;
  signal: AbortSignal;
}

/** Where builds go to, and where their caches come from and go to. */
export interface Outputs {
  /**
   * Before a build: throws invalid-argument for what is wrong with where it goes to and comes from. See `checkOutputs`. `request`
   * undefined: the client has not said yet what is to be built.
   */
  check(outputs: Output[], cacheTo: CacheSpec[], request: SolveRequest | undefined): void;
  /** In the outputs' order; the first that fails ends it, and leaves those before it. Nothing of a failed one is visible. */
  export(solved: Solved, outputs: Output[], options: ExportOptions): Promise<ExportResult>;
  /** For `--cache-from`. Nothing is asked before the first look-up. */
  importCaches(
    specs: CacheSpec[],
    options: Pick<ExportOptions, "ref" | "session" | "report"> & Pick<SolveRequest, "accounts">,
  ): CacheImporter;
}

/** Of what is not known yet, nothing is said to be wrong. */
const UNKNOWN = { cacheFrom: [], epochSeconds: 0, platforms: [] };

export function createOutputs(deps: OutputsDeps): Outputs {
  const shared = { ...deps, compressor: createCompressor() };
  return {
    check(outputs, cacheTo, request) {
      const { cacheFrom, epochSeconds, platforms } = request ?? UNKNOWN;
      checkOutputs(outputs, { cacheTo, cacheFrom, epochSeconds, platforms: platforms.length });
    },
    async export(solved, outputs, options) {
      const { request, cacheTo, cached, source, ...rest } = options;
      const { epochSeconds } = request;
      // What could not be checked before: how many platforms there are.
      checkOutputs(outputs, { cacheTo, cacheFrom: [], epochSeconds, platforms: solved.targets.length });
      const { ref, startedAt, report } = rest;
      const progress = { seed: ref, report, clock: deps.clock };
      const predicates = predicateMaker({ snapshots: deps.snapshots, ref, request, startedAt, source, progress });
      const context: ExportContext = { deps: shared, request, predicates, ...rest };
      const inline = cacheTo.some(({ type }) => type === "inline") ? cached : undefined;
      const result: ExportResult = { imageId: undefined, response: {} };
      for (const [at, output] of outputs.entries()) {
        const one = await exportOne(context, { output, solved, inline, at });
        result.imageId ??= one.imageId;
        result.response = { ...one.response, ...result.response };
      }
      for (const spec of cacheTo) Object.assign(result.response, await exportCache(context, { spec, solved, cached }));
      return result;
    },
    importCaches: (specs, options) => importCaches({ ...deps, ...options }, specs),
  };
}

async function exportOne(
  context: ExportContext,
  { output, at, ...what }: { output: Output; solved: Solved; inline: CachedResult[] | undefined; at: number },
): Promise<ExportResult> {
  const { ref, report, deps } = context;
  const vertex = { seed: `${ref} ${at}`, report, clock: deps.clock };
  switch (output.type) {
    case "none":
      return { imageId: undefined, response: {} };
    case "image":
      return asVertex({ ...vertex, name: "exporting to image" }, (progress) =>
        exportImage(context, { output, ...what }, progress),
      );
    case "oci":
    case "docker":
      return asVertex({ ...vertex, name: `exporting to ${output.type} image format` }, (progress) =>
        exportArchive(context, { output, ...what }, progress),
      );
    case "local":
    case "tar":
      return asVertex(
        { ...vertex, name: `exporting to client ${output.type === "tar" ? "tarball" : "directory"}` },
        (progress) => exportTree(context, { output, ...what }, progress),
      );
  }
}
