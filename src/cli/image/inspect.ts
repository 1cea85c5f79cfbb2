import type { Command } from "../command.ts";
import { STRING } from "../flags/flag-types.ts";
import { inspectVerb } from "../verbs-on-names.ts";
import { platformQuery } from "./platform.ts";

export const command: Command = inspectVerb(
  {
    usage: "[OPTIONS] IMAGE [IMAGE...]",
    short: "Display detailed information on one or more images",
    aliases: ["image inspect"],
    flags: [{ name: "platform", type: STRING, usage: "Inspect a specific platform of the multi-platform image" }],
    examples: [["image inspect -f '{{json .Config.Env}}' debian", "The environment that it gives to containers"]],
  },
  { path: (name) => `/images/${name}/json`, query: (flags) => ({ platform: platformQuery(flags.string("platform")) }) },
);
