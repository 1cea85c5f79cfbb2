import { ClientError } from "../../client/errors.ts";
import { AT_LEAST_ONE, type Command } from "../command.ts";
import { forEachName } from "../each.ts";
import { tellError } from "../failure.ts";
import { BOOL } from "../flags/flag-types.ts";

export const command: Command = {
  usage: "[OPTIONS] CONTAINER [CONTAINER...]",
  short: "Remove one or more containers",
  aliases: ["container rm", "container remove", "rm"],
  flags: [
    { name: "force", short: "f", type: BOOL, usage: "Force the removal of a running container (uses SIGKILL)" },
    { name: "link", short: "l", type: BOOL, usage: "Remove the specified link" },
    { name: "volumes", short: "v", type: BOOL, usage: "Remove anonymous volumes associated with the container" },
  ],
  arity: AT_LEAST_ONE,
  examples: [
    ["rm web", "Remove a container that has stopped; its named volumes stay"],
    ["rm -fv web", "Stop it first, and take its anonymous volumes too"],
  ],
  async run(context, flags) {
    const transport = await context.connect();
    const force = flags.bool("force");
    const set = (name: string) => (flags.bool(name) ? true : undefined);
    const query = { force: set("force"), link: set("link"), v: set("volumes") };
    return forEachName(context, flags.arguments, async (name) => {
      const path = name.replace(/^\/+/, "");
      if (path === "") throw new Error("Container name cannot be empty");
      try {
        await transport.call("DELETE", `/containers/${encodeURIComponent(path)}`, { query });
      } catch (error) {
        // With --force a container that is not there is what was asked for; the text is told all the same.
        if (!(force && error instanceof ClientError && error.status === 404)) throw error;
        await tellError(context, `Error response from daemon: ${error.message}`);
        return "";
      }
      return name;
    });
  },
};
