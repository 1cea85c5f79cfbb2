import type { WireInfo } from "../../wire/system.ts";
import { type Command, NO_ARGUMENTS } from "../command.ts";
import { describeFailure } from "../failure.ts";
import { STRING } from "../flags/flag-types.ts";
import { infoText } from "../format/info-text.ts";
import { renderObject } from "../format/object-format.ts";
import { INSPECT_FORMAT_USAGE } from "../format/usage.ts";
import { CLIENT_VERSION } from "../version.ts";

export const command: Command = {
  usage: "[OPTIONS]",
  short: "Display system-wide information",
  aliases: ["system info", "info"],
  flags: [{ name: "format", short: "f", type: STRING, usage: INSPECT_FORMAT_USAGE }],
  arity: NO_ARGUMENTS,
  examples: [
    ["info", "The daemon, its host and its defaults"],
    ["info -f '{{.Driver}}'", "One field"],
  ],
  async run(context, flags) {
    const transport = await context.connect();
    let info: WireInfo | undefined;
    let failure = "";
    try {
      info = await (await transport.call("GET", "/info")).json<WireInfo>();
    } catch (error) {
      failure = describeFailure(error).message;
    }
    const format = flags.string("format");
    if (format !== "") {
      const client = { Version: CLIENT_VERSION, Context: "default", Plugins: [], Warnings: null };
      const data = { ...info, ...(failure === "" ? {} : { ServerErrors: [failure] }), ClientInfo: client };
      await context.io.out(renderObject(format, data, "*system.dockerInfo"));
      if (failure !== "") await context.io.err(`${failure}\n`);
      return failure === "" ? 0 : 1;
    }
    await context.io.out(`Client: Gantry\n Version:    ${CLIENT_VERSION}\n Context:    default\n\nServer:\n`);
    if (info !== undefined) {
      const { text, warnings } = infoText(info);
      await context.io.out(text);
      for (const warning of warnings) await context.io.err(`${warning}\n`);
      return 0;
    }
    await context.io.err(`ERROR: ${failure}\nerrors pretty printing info\n`);
    return 1;
  },
};
