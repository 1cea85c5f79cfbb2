import { type Command, exactly } from "../command.ts";
import { BOOL } from "../flags/flag-types.ts";

export const command: Command = {
  usage: "[OPTIONS] NETWORK CONTAINER",
  short: "Disconnect a container from a network",
  aliases: ["network disconnect"],
  flags: [{ name: "force", short: "f", type: BOOL, usage: "Force the container to disconnect from a network" }],
  arity: exactly(2),
  examples: [["network disconnect backend web", "Take `web` off the network while it runs"]],
  async run(context, flags) {
    const [network = "", container = ""] = flags.arguments;
    const transport = await context.connect();
    const json = { Container: container, Force: flags.bool("force") };
    await transport.call("POST", `/networks/${encodeURIComponent(network)}/disconnect`, { json });
    return 0;
  },
};
