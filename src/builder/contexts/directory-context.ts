import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { AT_FDCWD, closeFd, O_DIRECTORY, O_NOFOLLOW, O_RDONLY, openAt } from "../../kernel/files.ts";
import { LayeredSource } from "../files/layered-source.ts";
import type { RunFilesJob } from "../files/run-files-job.ts";
import type { FileSource } from "../results.ts";
import type { OpenContext } from "./contexts.ts";
import { scanFiles } from "./scan-files.ts";

export interface DirectoryContext {
  run: RunFilesJob;
  /** Of the context alone: what it makes goes there. */
  scratch: string;
  /** Brings the files; called once. Their directory, below `scratch`, and where they are from. */
  bring: (signal: AbortSignal) => Promise<{ directory: string; origin: FileSource["origin"] }>;
  close: () => Promise<void>;
}

/** A context that comes whole: an archive, a repository. What the ignore patterns leave out is left out afterwards. */
export function openDirectoryContext({ run, scratch, bring, close }: DirectoryContext): OpenContext {
  let brought: ReturnType<DirectoryContext["bring"]> | undefined;
  const selections = new Map<string, Promise<FileSource>>();
  const whole = (signal: AbortSignal) => {
    brought ??= bring(signal);
    return brought;
  };
  return {
    onlyDockerfile: undefined,
    async readFiles(paths, limitBytes, signal) {
      const { directory } = await whole(signal);
      return readSmallFiles(directory, paths, limitBytes);
    },
    async files({ exclude }, { signal }) {
      const { directory, origin } = await whole(signal);
      const key = JSON.stringify(exclude);
      const known = selections.get(key);
      if (known !== undefined) return known;
      const selecting = select(
        run,
        { directory, exclude, target: join(scratch, `fs-${selections.size}`) },
        signal,
      ).then((selected) => scanFiles(run, selected, origin, signal));
      selections.set(key, selecting);
      return selecting;
    },
    close,
  };
}

/** Hard links to what is left, where something is left out. */
async function select(
  run: RunFilesJob,
  { directory, exclude, target }: { directory: string; exclude: string[]; target: string },
  signal: AbortSignal,
): Promise<string> {
  if (exclude.length === 0) return directory;
  mkdirSync(target, { mode: 0o755 });
  const roots = [{ directory, origins: [directory] }];
  const everything = { roots, path: "", wildcards: false, optional: false };
  const rules = { parents: false, exclude };
  await run(
    {
      kind: "copy",
      target,
      isWritten: false,
      base: [],
      sources: [everything],
      rules,
      destination: "/",
      owner: undefined,
      mode: undefined,
    },
    signal,
  );
  return target;
}

function readSmallFiles(directory: string, paths: string[], limitBytes: number): Map<string, Uint8Array> {
  const found = new Map<string, Uint8Array>();
  const fd = openAt(AT_FDCWD, directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  try {
    const tree = new LayeredSource([{ fd, layer: 0 }]);
    for (const path of paths) {
      const content = tree.read(path, limitBytes);
      if (content !== undefined) found.set(path, content);
    }
    return found;
  } finally {
    closeFd(fd);
  }
}
