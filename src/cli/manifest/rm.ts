import { messageOf } from "../../base/errors.ts";
import { AT_LEAST_ONE, type Command, ExitError } from "../command.ts";
import { openLocalLists } from "./local-lists.ts";

export const command: Command = {
  usage: "MANIFEST_LIST [MANIFEST_LIST...]",
  short: "Delete one or more manifest lists from local storage",
  aliases: ["manifest rm"],
  flags: [],
  arity: AT_LEAST_ONE,
  examples: [["manifest rm reg.example.com/web:1", "Forget a list; what is in the registry stays"]],
  async run(context, flags) {
    const lists = openLocalLists(context);
    const failures: string[] = [];
    for (const list of flags.arguments)
      await lists.remove(list).catch((error: unknown) => failures.push(messageOf(error)));
    if (failures.length > 0) throw new ExitError(1, failures.join("\n"));
    return 0;
  },
};
