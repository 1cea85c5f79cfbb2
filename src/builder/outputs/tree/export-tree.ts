import { invalid } from "../../../base/errors.ts";
import { formatPlatform } from "../../../formats/oci/platform.ts";
import { committedRoot } from "../../../storage/snapshots/committed-root.ts";
import type { ExportResult, Output, Solved, SolvedTarget } from "../../builder.ts";
import { clientOf } from "../archive/export-archive.ts";
import { type ListedFile, listedBytes } from "../archive/file-list.ts";
import { statementOf } from "../attestations/attestation-manifest.ts";
import { booleanOf, epochOf } from "../attributes.ts";
import type { ExportContext } from "../export-context.ts";
import type { Progress } from "../progress.ts";
import { archiveOf, entriesOfParts, openParts, readPart, type TreePart } from "./tree-parts.ts";

type TreeOutput = Extract<Output, { id: string }>;

/**
 * The files of the result, to the client: as a directory (type local), or an archive. Several platforms get a directory each. What
 * is said about them lies beside them. Read in a confined thread; nothing of them is changed.
 */
export async function exportTree(
  context: ExportContext,
  { output, solved }: { output: TreeOutput; solved: Solved },
  progress: Progress,
): Promise<ExportResult> {
  const { deps, request, signal } = context;
  const { attributes, type, id } = output;
  const session = clientOf(context, type);
  const isSplit = solved.targets.length > 1 || attributes["platform-split"] !== undefined;
  const wantsSplit = booleanOf(attributes, "platform-split", isSplit);
  const options = { epochSeconds: epochOf(attributes, request.epochSeconds), signal };
  const parts: TreePart[] = [];
  for (const target of solved.targets) {
    const prefix = wantsSplit ? `${formatPlatform(target.platform).replaceAll("/", "_")}/` : "";
    const view = committedRoot(deps.snapshots, target.result.chainId);
    parts.push({ prefix, view, extra: await extraFiles(context, target, attributes["attestation-prefix"] ?? "") });
  }
  parts.sort((left, right) => Buffer.compare(Buffer.from(left.prefix), Buffer.from(right.prefix)));
  const open = await openParts(parts);
  try {
    await progress.step(type === "tar" ? "sending tarball" : "copying files", () =>
      type === "tar"
        ? session.sendArchive(id, archiveOf(parts, options), signal)
        : session.sendDirectory(
            id,
            {
              archive: () => archiveOf(parts, options),
              entries: () => entriesOfParts(open.parts, options),
              read: (path) => readPart(open.parts, path),
            },
            signal,
          ),
    );
  } finally {
    await open.close();
  }
  return { imageId: undefined, response: {} };
}

async function extraFiles(context: ExportContext, target: SolvedTarget, prefix: string): Promise<ListedFile[]> {
  if (prefix.includes("/")) throw invalid(`invalid attestation-prefix ${JSON.stringify(prefix)}`);
  const predicates = await context.predicates(target);
  return predicates.map((predicate) =>
    listedBytes(prefix + predicate.fileName, Buffer.from(JSON.stringify(statementOf(predicate, []), null, 2))),
  );
}
