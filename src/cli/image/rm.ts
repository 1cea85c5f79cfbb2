import { ClientError } from "../../client/errors.ts";
import { AT_LEAST_ONE, type Command, ExitError } from "../command.ts";
import { describeFailure, tellError } from "../failure.ts";
import { BOOL, LIST } from "../flags/flag-types.ts";
import { platformQueries } from "./platform.ts";

interface Removed {
  Untagged?: string;
  Deleted?: string;
}

export const command: Command = {
  usage: "[OPTIONS] IMAGE [IMAGE...]",
  short: "Remove one or more images",
  aliases: ["image rm", "image remove", "rmi"],
  flags: [
    { name: "force", short: "f", type: BOOL, usage: "Force removal of the image" },
    { name: "no-prune", type: BOOL, usage: "Do not delete untagged parents" },
    {
      name: "platform",
      type: LIST,
      usage: 'Remove only the given platform variant. Formatted as "os[/arch[/variant]]" (e.g., "linux/amd64")',
    },
  ],
  arity: AT_LEAST_ONE,
  examples: [
    ["rmi web:1", "Take a name away; the image goes with its last name"],
    ["rmi -f 5db5f8471261", "An image with all of its names"],
  ],
  async run(context, flags) {
    const transport = await context.connect();
    const set = (name: string) => (flags.bool(name) ? true : undefined);
    const query = {
      force: set("force"),
      noprune: set("no-prune"),
      platforms: platformQueries(flags.list("platform")),
    };
    const failures: string[] = [];
    let fatal = false;
    for (const name of flags.arguments) {
      try {
        const removed = await (await transport.call("DELETE", `/images/${name}`, { query })).json<Removed[]>();
        const lines = removed.map((item) =>
          item.Deleted === undefined ? `Untagged: ${item.Untagged}\n` : `Deleted: ${item.Deleted}\n`,
        );
        await context.io.out(lines.join(""));
      } catch (error) {
        const missing = error instanceof ClientError && error.status === 404;
        fatal ||= !missing;
        failures.push(describeFailure(error).message);
      }
    }
    if (failures.length === 0) return 0;
    const message = failures.join("\n");
    if (flags.bool("force") && !fatal) {
      await tellError(context, message);
      return 0;
    }
    throw new ExitError(1, message);
  },
};
