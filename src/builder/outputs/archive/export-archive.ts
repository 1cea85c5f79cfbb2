import { EngineError } from "../../../base/errors.ts";
import { canonicalReference } from "../../../formats/reference/reference.ts";
import type { ExportResult, Output, Solved } from "../../builder.ts";
import type { CachedResult } from "../../remote-cache.ts";
import type { BuildSession } from "../../session.ts";
import { booleanOf, epochOf, parsePackaging } from "../attributes.ts";
import { namesOf } from "../check-outputs.ts";
import type { ExportContext } from "../export-context.ts";
import { imageResponse } from "../image/image-response.ts";
import { imageIdOf, mainPlatform } from "../image/pack-image.ts";
import { withImage } from "../image/prepare-image.ts";
import type { Progress } from "../progress.ts";
import { directoryOf, tarOf } from "./file-list.ts";
import { layoutFiles } from "./layout-files.ts";

type ArchiveOutput = Extract<Output, { id: string }>;

/**
 * An image as an OCI layout, to the client: one archive, or with `tar=false` a directory. Type `docker` is what `docker load` takes;
 * its layers stay uncompressed, since whoever loads them would inflate them again.
 */
export async function exportArchive(
  context: ExportContext,
  { output, solved, inline }: { output: ArchiveOutput; solved: Solved; inline: CachedResult[] | undefined },
  progress: Progress,
): Promise<ExportResult> {
  const { attributes, type, id } = output;
  const session = clientOf(context, type);
  const packaging = parsePackaging(attributes);
  const references = namesOf(output);
  const isDocker = type === "docker";
  const form = isDocker ? undefined : ({ compression: "gzip" } as const);
  const request = { targets: solved.targets, references, packaging, form, isLocal: false, inline };
  const times = { epochSeconds: epochOf(attributes, context.request.epochSeconds) ?? 0 };
  return withImage(context, request, {
    progress,
    async work(packed) {
      const main = mainPlatform(packed);
      const files = layoutFiles(context, { packed, main, references, listing: isDocker });
      await progress.step("sending tarball", () =>
        booleanOf(attributes, "tar", true)
          ? session.sendArchive(id, tarOf(files, times), context.signal)
          : session.sendDirectory(id, directoryOf(files, times), context.signal),
      );
      return {
        imageId: imageIdOf(main),
        response: imageResponse(packed, main, references.map(canonicalReference)),
      };
    },
  });
}

/** Throws not-implemented where nobody could take what is exported. */
export function clientOf({ session }: Pick<ExportContext, "session">, type: string): BuildSession {
  if (session !== undefined) return session;
  throw new EngineError("not-implemented", `output of type ${type} goes to the client, which this build cannot ask`);
}
