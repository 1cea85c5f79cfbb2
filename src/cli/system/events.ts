import { jsonLines } from "../../client/json-lines.ts";
import { executeTemplate } from "../../formats/go-template/evaluate.ts";
import { FUNCTION_NAMES, stringify } from "../../formats/go-template/functions.ts";
import { parseTemplate } from "../../formats/go-template/parser.ts";
import { type Command, ExitError, NO_ARGUMENTS } from "../command.ts";
import { checkFilter, encodeFilters } from "../filters.ts";
import { listOf, STRING } from "../flags/flag-types.ts";
import { eventJson, eventLine, exactNanoseconds, type ShownEvent } from "../format/event-line.ts";
import { parseTimestamp } from "../format/timestamp.ts";
import { INSPECT_FORMAT_USAGE } from "../format/usage.ts";
import type { Paint } from "../paint.ts";

export const command: Command = {
  usage: "[OPTIONS]",
  short: "Get real time events from the server",
  aliases: ["system events", "events"],
  flags: [
    {
      name: "filter",
      short: "f",
      type: listOf("filter", checkFilter),
      usage: "Filter output based on conditions provided",
    },
    { name: "format", type: STRING, usage: INSPECT_FORMAT_USAGE },
    { name: "since", type: STRING, usage: "Show all events created since timestamp" },
    { name: "until", type: STRING, usage: "Stream events until this timestamp" },
  ],
  arity: NO_ARGUMENTS,
  examples: [
    ["events --filter type=container", "Follow what happens to containers"],
    ["events --since 1h --until 0s --format '{{json .}}'", "What happened in the last hour, as JSON"],
  ],
  async run(context, flags) {
    const render = renderer(flags.string("format"), await context.paint("out"));
    const now = new Date();
    const time = (name: string) => flags.value(name, (text) => parseTimestamp(text, now), "");
    const query = { since: time("since"), until: time("until"), filters: encodeFilters(flags.list("filter")) };
    const transport = await context.connect();
    const answer = await transport.call("GET", "/events", { query });
    for await (const event of jsonLines<ShownEvent>(answer.stream(), exactNanoseconds))
      await context.io.out(`${render(event)}\n`);
    return 0;
  },
};

function renderer(format: string, paint: Paint): (event: ShownEvent) => string {
  if (format === "") return (event) => eventLine(event, paint);
  if (format === "json") return eventJson;
  try {
    const template = parseTemplate(format, FUNCTION_NAMES);
    return (event) => {
      const data = {
        ...event,
        ID: event.Actor.ID,
        Scope: event.scope,
        Status: event.Action,
        Time: event.time,
        TimeNano: event.timeNano,
      };
      const functions = { json: (value: unknown) => (value === data ? eventJson(event) : stringify(value)) };
      return executeTemplate(template, data, { missingKey: "error", rootType: "*events.Message", functions });
    };
  } catch (error) {
    throw new ExitError(64, `Error parsing format: template parsing error: ${(error as Error).message}`);
  }
}
