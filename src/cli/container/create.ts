import { AT_LEAST_ONE, type Command } from "../command.ts";
import { CREATE_FLAGS } from "./container-flags.ts";
import type { CreateBody } from "./create-body.ts";
import { checkImageReference, createContainer, prepareCreate, refusal } from "./create-container.ts";

export const command: Command = {
  usage: "[OPTIONS] IMAGE [COMMAND] [ARG...]",
  short: "Create a new container",
  aliases: ["container create", "create"],
  flags: CREATE_FLAGS,
  arity: AT_LEAST_ONE,
  interspersed: false,
  examples: [["create --name db -v dbdata:/data IMAGE", "Make a container now, start it later with `start db`"]],
  async run(context, flags) {
    let body: CreateBody;
    try {
      const terminal = flags.bool("tty") ? await context.terminal() : undefined;
      body = await prepareCreate(context, flags, { detached: false, consoleSize: terminal?.size() ?? [0, 0] });
      checkImageReference(flags.arguments[0] ?? "");
    } catch (error) {
      throw refusal(context.program, "create", error);
    }
    const { id } = await createContainer(context, flags, body);
    await context.io.out(`${id}\n`);
    return 0;
  },
};
