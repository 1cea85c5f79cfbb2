import { type Command, NO_ARGUMENTS } from "../../command.ts";
import { CLIENT_VERSION } from "../../version.ts";

export const command: Command = {
  usage: "",
  short: "Show builder version information",
  aliases: ["builder version", "buildx version"],
  flags: [],
  arity: NO_ARGUMENTS,
  examples: [["buildx version", "Ours: there is no other program behind it"]],
  async run(context) {
    await context.io.out(`gantry v${CLIENT_VERSION}\n`);
    return 0;
  },
};
