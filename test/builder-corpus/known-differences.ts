import type { DescribedImage } from "./described-image.ts";
import type { BuildEngine } from "./engines.ts";

/**
 * What differs between builders and means the same, or is a choice of ours; everything else must be equal:
 * - history: we write BuildKit's lines. Docker's first builder and buildah say `/bin/sh -c #(nop) CMD …`, and name copied files by
 *   digests; of theirs the instruction and whether it made a layer are compared.
 * - times of directories that a builder made by itself on the way to a destination.
 */
export function likeOthers(
  peer: BuildEngine["name"],
  { ours, theirs }: { ours: DescribedImage; theirs: DescribedImage },
): [DescribedImage, DescribedImage] {
  const history = peer === "buildkit" ? buildkitHistory : instructionsOnly;
  const alike = (image: DescribedImage): DescribedImage => ({ ...image, history: history(image.history) });
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
    return { createdBy: /^fixture/.test(text) ? text : name, isEmpty };
  });
}
