import type { DescribedImage } from "./described-image.ts";
import type { BuildEngine } from "./engines.ts";

/**
 * What differs between builders and means the same, or is a choice of ours; everything else must be equal:
 * - history: we write BuildKit's lines. Docker's first builder and buildah say `/bin/sh -c #(nop) CMD …`, and name copied files by
 *   digests; of theirs the instruction and whether it made a layer are compared.
 * - lines for ONBUILD and for labels that were given as flags: BuildKit has none.
 * - variables before RUN's command line: 20.10's BuildKit does not hand ARGs on to stages that stand on another.
 * - mount points of RUN: 20.10's BuildKit leaves them in the image.
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
    tree: image.tree
      .filter((line) => !MOUNT_POINT.test(line))
      .map((line) => line.replace(/^(\S+ directory \S+ \d+ \d+ 0) \S+/, "$1 -")),
  });
  return [alike(ours), alike(theirs)];
}

/** Those of the corpus. */
const MOUNT_POINT = /^(ctx|t|c|mnt|mnt\/s) (directory|file) 755 0 0 0 /;

type History = DescribedImage["history"];

/** Texts that Docker 20.10's BuildKit writes in an older form, or not at all. */
const OLDER_FORM = /^(EXPOSE|HEALTHCHECK|ARG)\b.*/s;

function buildkitHistory(history: History): History {
  return history
    .filter(({ createdBy }) => !createdBy.startsWith("ONBUILD"))
    .map(({ createdBy, isEmpty }) => ({
      createdBy: createdBy
        .replace(OLDER_FORM, "$1")
        .replace(/^(COPY|ADD)( --\S+)+ /, "$1 ")
        .replace(/^RUN \|\d+ .*? (\/bin\/sh)/, "RUN $1")
        .replace(/\s+/g, " ")
        .trim(),
      isEmpty,
    }));
}

function instructionsOnly(history: History): History {
  return history
    .map(({ createdBy, isEmpty }) => {
      const text = createdBy.replace(/^\S+ -\S+ #\(nop\)\s*/, "").trim();
      const name = /^([A-Za-z]+)\b/.exec(text)?.[1]?.toUpperCase() ?? "RUN";
      return { createdBy: text.startsWith("fixture") ? text : name, isEmpty };
    })
    .filter(({ createdBy }) => createdBy !== "ONBUILD" && createdBy !== "LABEL");
}
