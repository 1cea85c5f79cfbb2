import {
  canonicalReference,
  familiarName,
  parseReference,
  type Reference,
} from "../../../formats/reference/reference.ts";
import type { ExportResult, Output, Solved } from "../../builder.ts";
import type { CachedResult } from "../../remote-cache.ts";
import { booleanOf, parsePackaging } from "../attributes.ts";
import { isPushed, namesOf } from "../check-outputs.ts";
import { credentialsFor, type ExportContext } from "../export-context.ts";
import type { Progress } from "../progress.ts";
import { installImage } from "./install-image.ts";
import { imageIdOf, mainPlatform, type PackedImage, type PackedPlatform } from "./pack-image.ts";
import { withImage } from "./prepare-image.ts";
import { imageResponse } from "./image-response.ts";

type ImageOutput = Extract<Output, { type: "image" }>;

/** What others get to see is gzip, unless something else is asked for. */
const OUTGOING = { compression: "gzip" } as const;

/**
 * An image of this engine under the output's names; an index is what they stand for where there are several platforms or something
 * is said about the image. With `push` at their registries, too, bit for bit the same.
 */
export async function exportImage(
  context: ExportContext,
  { output, solved, inline }: { output: ImageOutput; solved: Solved; inline: CachedResult[] | undefined },
  progress: Progress,
): Promise<ExportResult> {
  const { deps, request } = context;
  const { attributes } = output;
  const packaging = parsePackaging(attributes);
  const references = namesOf(output);
  const pushes = isPushed(output);
  const { provenance, sbom } = request.attestations;
  const isPlain = solved.targets.length === 1 && provenance === undefined && !sbom && packaging.annotations.isEmpty;
  const isLocal = isPlain && !pushes && packaging.form === undefined && !packaging.force && packaging.ociTypes;
  const form = isLocal ? undefined : OUTGOING;
  const prepare = { targets: solved.targets, references, packaging, form, isLocal, inline };
  return withImage(context, prepare, {
    progress,
    async work(packed) {
      const main = mainPlatform(packed);
      const byDigest = booleanOf(attributes, "push-by-digest", false);
      const isStored = booleanOf(attributes, "store", true);
      const named = isStored && !byDigest ? [...references, ...moreNames(attributes, references, packed)] : [];
      const installed = await installImage(context, { packed, main, references: named, isFinal: !isLocal }, progress);
      try {
        if (pushes) await push(context, { references, packed, main, byDigest, attributes }, progress);
      } finally {
        if (!isStored) installed.undo();
      }
      deps.failpoint("export.installed");
      return {
        imageId: imageIdOf(main),
        response: imageResponse(packed, main, references.map(canonicalReference)),
      };
    },
  });
}

/** `repository@digest`: of images without a name, and with `name-canonical`. */
function moreNames(attributes: Record<string, string>, references: Reference[], { top }: PackedImage): Reference[] {
  const { digest } = top.descriptor;
  const prefix = attributes["dangling-name-prefix"] ?? "";
  if (references.length === 0) return prefix === "" ? [] : [parseReference(`${prefix}@${digest}`)];
  if (!booleanOf(attributes, "name-canonical", false)) return [];
  return references.map(({ domain, path }) => ({ domain, path, digest }));
}

/** Each name to its registry; blobs that one of them has are not sent again to the next. */
async function push(
  { deps, session, request, signal }: ExportContext,
  {
    references,
    packed,
    main,
    byDigest,
    attributes,
  }: {
    references: Reference[];
    packed: PackedImage;
    main: PackedPlatform;
    byDigest: boolean;
    attributes: Record<string, string>;
  },
  progress: Progress,
): Promise<void> {
  const { images, distribution } = deps;
  const entries = [main, ...packed.platforms.filter((one) => one !== main)].map((one) => {
    const entry = images.library.get(imageIdOf(one));
    if (entry === undefined) throw new Error(`image ${imageIdOf(one)} went away while it was pushed`);
    // Another build may have given the image another manifest since: this one's is what goes out.
    const row = { ...entry.row, manifestDigest: one.manifest.descriptor.digest, layers: one.layers };
    return { ...entry, row };
  });
  const insecure = booleanOf(attributes, "registry.insecure", false);
  const index = packed.index?.descriptor.digest;
  for (const reference of byDigest ? eachRepository(references) : references) {
    const credentials = await credentialsFor({ session, accounts: request.accounts }, reference.domain, signal);
    const name = `${canonicalReference(reference)}@${packed.top.descriptor.digest}`;
    await progress.step(`pushing manifest for ${name}`, () =>
      distribution.pushImage(
        reference,
        { entries, index },
        {
          insecure,
          ...(credentials === undefined ? {} : { credentials }),
          report: (message) => progress.messages(message),
          signal,
        },
      ),
    );
  }
}

function eachRepository(references: Reference[]): Reference[] {
  const named = references.map(({ domain, path }) => [familiarName({ domain, path }), { domain, path }] as const);
  return [...new Map(named).values()];
}
