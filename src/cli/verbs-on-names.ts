import type { Query } from "../client/transport.ts";
import { AT_LEAST_ONE, type Command } from "./command.ts";
import { forEachName } from "./each.ts";
import type { Flag, Parsed } from "./flags/flag-set.ts";
import { STRING } from "./flags/flag-types.ts";
import { INSPECT_FORMAT_USAGE } from "./format/usage.ts";
import { inspectNames } from "./inspect-names.ts";

type Words = Pick<Command, "usage" | "short" | "aliases"> & { flags?: Flag[]; examples: [string, string][] };

/** A verb that sends one request for each of its names, and prints the name of each that went well. */
export function verbOnNames(
  words: Words,
  request: { method: "POST" | "DELETE"; path: (name: string) => string; query?: (flags: Parsed) => Query },
): Command {
  return {
    flags: [],
    ...words,
    arity: AT_LEAST_ONE,
    async run(context, flags) {
      const transport = await context.connect();
      const query = request.query?.(flags) ?? {};
      return forEachName(context, flags.arguments, async (name) => {
        await transport.call(request.method, request.path(encodeURIComponent(name)), { query });
        return name;
      });
    },
  };
}

/** A verb that shows the JSON of each of its names, or what `--format` makes of it. */
export function inspectVerb(
  words: Words,
  request: { path: (name: string) => string; query?: (flags: Parsed) => Query },
): Command {
  return {
    ...words,
    flags: [{ name: "format", short: "f", type: STRING, usage: INSPECT_FORMAT_USAGE }, ...(words.flags ?? [])],
    arity: AT_LEAST_ONE,
    async run(context, flags) {
      const transport = await context.connect();
      const query = request.query?.(flags) ?? {};
      return inspectNames(context, flags.arguments, flags.string("format"), async (name) =>
        (await transport.call("GET", request.path(name), { query })).json(),
      );
    },
  };
}
