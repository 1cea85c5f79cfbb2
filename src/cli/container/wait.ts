import { AT_LEAST_ONE, type Command } from "../command.ts";
import { forEachName } from "../each.ts";
import { requestWait } from "./wait-request.ts";

export const command: Command = {
  usage: "CONTAINER [CONTAINER...]",
  short: "Block until one or more containers stop, then print their exit codes",
  aliases: ["container wait", "wait"],
  flags: [],
  arity: AT_LEAST_ONE,
  examples: [["wait job", "Return when it has ended, and print its exit code"]],
  async run(context, flags) {
    const transport = await context.connect();
    return forEachName(context, flags.arguments, async (name) => {
      const wait = await requestWait(transport, encodeURIComponent(name), "not-running");
      return String(await wait.code);
    });
  },
};
