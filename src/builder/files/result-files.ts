import { invalid } from "../../base/errors.ts";
import type { ResultEntry, ResultFiles } from "../builder.ts";
import type { TreeResult } from "../results.ts";
import type { FilesReply, Question } from "./files-request.ts";
import { emptyDirectory, type FilesState, rootsOf } from "./files-state.ts";

/** The tree must be held as long as somebody looks into it. */
export function resultFiles(state: FilesState, tree: TreeResult, signal: AbortSignal): ResultFiles {
  const ask = async (question: Question): Promise<FilesReply> =>
    state.run({ kind: "look", roots: rootsOf(state, tree), question, confineTo: emptyDirectory(state) }, signal);
  const entries = async (question: Question): Promise<ResultEntry[]> => {
    const reply = await ask(question);
    if (!("entries" in reply)) throw new Error("no entries");
    return reply.entries;
  };
  return {
    async read(path, range) {
      const reply = await ask({ ask: "read", path, ...range });
      if (!("content" in reply)) throw new Error("no content");
      return reply.content;
    },
    list: (path, pattern) => entries({ ask: "list", path, pattern }),
    async stat(path) {
      const [entry] = await entries({ ask: "stat", path });
      if (entry === undefined) throw invalid(`${path} is a socket`);
      return entry;
    },
  };
}
