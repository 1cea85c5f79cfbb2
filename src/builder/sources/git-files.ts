import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { EngineError } from "../../base/errors.ts";
import { AT_FDCWD, closeFd, O_DIRECTORY, O_NOFOLLOW, O_RDONLY, openAt } from "../../kernel/files.ts";
import { LayeredSource } from "../files/layered-source.ts";
import { components, follow } from "../files/selection.ts";
import type { FileSource } from "../results.ts";
import type { BuildSession } from "../session.ts";
import { openGitAccess } from "./git-access.ts";
import type { GitSource, GitStore } from "./git-checkout.ts";

/** The files of a repository, in a directory below `scratch`: of the subdirectory alone where one is named. */
export async function bringGitFiles(
  git: GitStore,
  source: GitSource & { subdirectory: string },
  { scratch, session, signal }: { scratch: string; session: BuildSession | undefined; signal: AbortSignal },
): Promise<{ directory: string; origin: NonNullable<FileSource["origin"]> }> {
  const checkout = join(scratch, "checkout");
  mkdirSync(checkout, { mode: 0o755 });
  await using access = await openGitAccess(source.remote, session, { directory: scratch, signal });
  const commit = await git.checkOut(source, checkout, access);
  const origin = { uri: `${source.remote}${source.ref === "" ? "" : `#${source.ref}`}`, digest: `sha1:${commit}` };
  return { directory: join(checkout, subdirectoryOf(checkout, source.subdirectory)), origin };
}

/** Links are followed inside the checkout, and never out of it. @see CVE-2026-33748 */
function subdirectoryOf(checkout: string, subdirectory: string): string {
  const fd = openAt(AT_FDCWD, checkout, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  try {
    const tree = new LayeredSource([{ fd, layer: 0 }]);
    const real = follow(tree, components(subdirectory));
    if (real !== undefined && tree.stat(real)?.kind === "directory") return real;
    throw new EngineError("not-found", `subdir ${JSON.stringify(subdirectory)} is not a directory of the repository`);
  } finally {
    closeFd(fd);
  }
}
