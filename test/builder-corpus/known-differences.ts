import type { DescribedImage } from "./described-image.ts";
import type { BuildEngine } from "./engines.ts";

/**
 * What differs between builders and means the same, or is a choice of ours; everything else must be equal:
 * - history: we write BuildKit's lines. Docker's first builder and buildah say `/bin/sh -c #(nop) CMD …`, and name copied files by
 *   digests; of theirs the instruction and whether it made a layer are compared.
 * - times of directories: ours keep those of the context, as files do; others' are those of the build.
 */
export function likeOthers(
  peer: BuildEngine["name"],
  { ours, theirs }: { ours: DescribedImage; theirs: DescribedImage },
): [DescribedImage, DescribedImage] {
  const history = peer === "buildkit" ? buildkitHistory : instructionsOnly;
  const alike = (image: DescribedImage): DescribedImage => ({
    ...image,
    history: history(image.history),
    tree: image.tree.map((line) => line.replace(/^(\S+ directory \S+ \d+ \d+ 0) \S+/, "$1 -")),
  });
  return [alike(ours), alike(theirs)];
}

type History = DescribedImage["history"];

function buildkitHistory(history: History): History {
  return history.map(({ createdBy, isEmpty }) => ({ createdBy: createdBy.replace(/\s+/g, " ").trim(), isEmpty }));
}

function instructionsOnly(history: History): History {
  return history.map(({ createdBy, isEmpty }) => {
    const text = createdBy.replace(/^\/bin\/sh -c #\(nop\)\s*/, "").trim();
    const name = /^([A-Z]+)\b/.exec(text)?.[1] ?? "RUN";
    return { createdBy: text.startsWith("fixture") ? text : name, isEmpty };
  });
}
