import { parseInteger } from "../../base/go-values.ts";
import type { Query } from "../../client/transport.ts";
import type { Flag, Parsed } from "../flags/flag-set.ts";
import { INT, STRING } from "../flags/flag-types.ts";

/** How a container is asked to end: flags of stop and restart. */
export const STOP_FLAGS: Flag[] = [
  { name: "signal", short: "s", type: STRING, usage: "Signal to send to the container" },
  { name: "timeout", short: "t", type: INT, usage: "Seconds to wait before killing the container" },
  { name: "time", type: INT, usage: "", deprecated: "use --timeout instead", aliasOf: "timeout" },
];

export function stopQuery(flags: Parsed): Query {
  const seconds = flags.value("timeout", (text) => parseInteger(text, { bits: 64, signed: true }), undefined);
  return { signal: flags.string("signal"), t: seconds };
}
