import type { Command } from "../command.ts";
import { BOOL } from "../flags/flag-types.ts";
import { inspectVerb } from "../verbs-on-names.ts";

export const command: Command = inspectVerb(
  {
    usage: "[OPTIONS] NETWORK [NETWORK...]",
    short: "Display detailed information on one or more networks",
    aliases: ["network inspect"],
    flags: [{ name: "verbose", short: "v", type: BOOL, usage: "Verbose output for diagnostics" }],
    examples: [["network inspect -f '{{range .Containers}}{{.Name}} {{end}}' bridge", "Who is attached to it"]],
  },
  {
    path: (name) => `/networks/${encodeURIComponent(name)}`,
    query: (flags) => ({ verbose: flags.bool("verbose") ? true : undefined }),
  },
);
