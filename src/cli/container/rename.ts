import { type Command, exactly } from "../command.ts";
import { tellFailure } from "../failure.ts";

export const command: Command = {
  usage: "CONTAINER NEW_NAME",
  short: "Rename a container",
  aliases: ["container rename", "rename"],
  flags: [],
  arity: exactly(2),
  examples: [["rename web web-old", "Give the name free for another"]],
  async run(context, flags) {
    const [from = "", to = ""] = flags.arguments.map((name) => name.trim());
    if (from === "" || to === "") throw new Error("Error: Neither old nor new names may be empty");
    const transport = await context.connect();
    try {
      await transport.call("POST", `/containers/${encodeURIComponent(from)}/rename`, { query: { name: to } });
    } catch (error) {
      await tellFailure(context, error);
      throw new Error(`Error: failed to rename container named ${from}`);
    }
    return 0;
  },
};
