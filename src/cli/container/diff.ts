import type { WireChange } from "../../wire/containers.ts";
import { type Command, exactly } from "../command.ts";

const LETTERS = ["C", "A", "D"] as const;

export const command: Command = {
  usage: "CONTAINER",
  short: "Inspect changes to files or directories on a container's filesystem",
  aliases: ["container diff", "diff"],
  flags: [],
  arity: exactly(1),
  examples: [["diff web", "What was changed (C), added (A) and deleted (D) since the image"]],
  async run(context, flags) {
    const [name = ""] = flags.arguments;
    if (name === "") throw new Error("Container name cannot be empty");
    const transport = await context.connect();
    const answer = await transport.call("GET", `/containers/${encodeURIComponent(name)}/changes`);
    const changes = (await answer.json<WireChange[] | null>()) ?? [];
    await context.io.out(changes.map(({ Kind, Path }) => `${LETTERS[Kind] ?? "?"} ${Path}\n`).join(""));
    return 0;
  },
};
