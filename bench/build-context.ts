import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cached } from "../test/fixtures/build-cache.ts";

const FILES_IN_DIRECTORY = 100;

/** A directory with a Dockerfile and perhaps more; removed by `remove`. */
export interface BuildContext {
  path: string;
  /** Changes one small file, so that the next build differs from the last. */
  touch(): void;
  remove(): void;
}

let changes = 0;

function at(path: string, remove: () => void): BuildContext {
  return {
    path,
    touch: () => writeFileSync(join(path, "changing"), `version ${++changes} of ${process.pid}\n`),
    remove,
  };
}

export function smallContext(dockerfile: string): BuildContext {
  const path = mkdtempSync(join(tmpdir(), "gantry-bench-context-"));
  writeFileSync(join(path, "Dockerfile"), dockerfile);
  return at(path, () => rmSync(path, { recursive: true, force: true }));
}

/** `files` files of `bytes` in all, a hundred in each directory of `data/`; made once and kept. `small/` has 1 MB. */
export async function largeContext(
  { files, bytes }: { files: number; bytes: number },
  texts: { dockerfile: string; ignore?: string },
): Promise<BuildContext> {
  const kind = texts.ignore === undefined ? "whole" : "ignoring";
  const path = await cached(`bench-context-${kind}-${files}x${bytes}`, async (target) => {
    const block = Buffer.alloc(Math.floor(bytes / files), "what a project has many of: sources, modules, pictures.\n");
    for (let index = 0; index < files; index++) {
      const directory = join(target, "data", String(Math.floor(index / FILES_IN_DIRECTORY)));
      if (index % FILES_IN_DIRECTORY === 0) mkdirSync(directory, { recursive: true });
      block.write(`file ${index}\n`);
      const file = openSync(join(directory, `file-${index}`), "w");
      writeSync(file, block);
      closeSync(file);
    }
    mkdirSync(join(target, "small"));
    for (let index = 0; index < 100; index++)
      writeFileSync(join(target, "small", String(index)), block.subarray(0, 10_000));
  });
  writeFileSync(join(path, "Dockerfile"), texts.dockerfile);
  if (texts.ignore !== undefined) writeFileSync(join(path, ".dockerignore"), texts.ignore);
  return at(path, () => undefined);
}
