import { EngineError } from "../../base/errors.ts";
import { EntryTree } from "../files/entry-tree.ts";
import { components, follow } from "../files/selection.ts";
import type { FileSource, SourceEntry } from "../results.ts";
import type { OpenContext } from "./contexts.ts";

/**
 * A context of which a directory is all that instructions see (BuildKit's `contextsubdir`); the Dockerfile is still found in the
 * whole of it.
 */
export function scopedContext(context: OpenContext, subdirectory: string): OpenContext {
  return {
    ...context,
    async files(selection, options) {
      const whole = await context.files({ ...selection, include: [], followPaths: [] }, options);
      return scopeTo(whole, subdirectory);
    },
  };
}

/** Links are followed inside the source. Throws not-found where there is no such directory. Pure. */
export function scopeTo(source: FileSource, subdirectory: string): FileSource {
  const tree = new EntryTree(source);
  const path = follow(tree, components(subdirectory));
  if (path === undefined || tree.stat(path)?.kind !== "directory") {
    throw new EngineError("not-found", `${JSON.stringify(subdirectory)} is not a directory of the context`);
  }
  if (path === "") return source;
  const start = path.length + 1;
  const entries = Array.from(tree.below(path), (entry): SourceEntry => {
    const { hardlinkTo } = entry;
    // What the first name of a file is outside is a file by itself here.
    const first = hardlinkTo?.startsWith(`${path}/`) === true ? hardlinkTo.slice(start) : undefined;
    return { ...entry, path: entry.path.slice(start), hardlinkTo: first };
  });
  return { ...source, directory: `${source.directory}/${path}`, entries };
}
