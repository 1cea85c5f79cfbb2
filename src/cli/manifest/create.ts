import { AT_LEAST_ONE, type Command, ExitError } from "../command.ts";
import { BOOL } from "../flags/flag-types.ts";
import { describeImage } from "./image-manifest.ts";
import { openLocalLists } from "./local-lists.ts";
import { fetchManifest, isIndex } from "./remote-manifest.ts";

export const command: Command = {
  usage: "MANIFEST_LIST MANIFEST [MANIFEST...]",
  short: "Create a local manifest list for annotating and pushing to a registry",
  aliases: ["manifest create"],
  flags: [
    { name: "amend", short: "a", type: BOOL, usage: "Amend an existing manifest list" },
    { name: "insecure", type: BOOL, usage: "Allow communication with an insecure registry" },
  ],
  arity: { ...AT_LEAST_ONE, min: 2 },
  examples: [
    [
      "manifest create reg.example.com/web:1 reg.example.com/web:1-amd64 reg.example.com/web:1-arm64",
      "One name for two",
    ],
    ["manifest push reg.example.com/web:1", "And then into the registry"],
  ],
  async run(context, flags) {
    const [list = "", ...images] = flags.arguments;
    const lists = openLocalLists(context);
    if (!flags.bool("amend") && (await lists.get(list)).length > 0) {
      throw new ExitError(1, "refusing to amend an existing manifest list with no --amend flag");
    }
    const insecure = flags.bool("insecure");
    const described: Parameters<typeof lists.put>[] = [];
    for (const image of images) {
      const found = await fetchManifest(context, image, insecure);
      if (isIndex(found.mediaType)) throw new ExitError(1, `${image} is a manifest list`);
      described.push([list, image, await describeImage(context, image, found, { insecure })]);
    }
    for (const one of described) await lists.put(...one);
    await context.io.out(`Created manifest list ${list}\n`);
    return 0;
  },
};
