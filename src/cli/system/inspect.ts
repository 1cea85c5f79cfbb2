import { ClientError } from "../../client/errors.ts";
import type { Transport } from "../../client/transport.ts";
import { AT_LEAST_ONE, type Command } from "../command.ts";
import { BOOL, STRING } from "../flags/flag-types.ts";
import { INSPECT_FORMAT_USAGE } from "../format/usage.ts";
import { inspectNames } from "../inspect-names.ts";

/** In the order in which a name is looked for. */
const TYPES = ["container", "image", "network", "volume"] as const;
type ObjectType = (typeof TYPES)[number];

/** Kinds that other engines have; `--type` with them is passed over with the daemon's word on it. */
const OTHER_TYPES = ["service", "task", "node", "plugin", "secret", "config"];

export const command: Command = {
  usage: "[OPTIONS] NAME|ID [NAME|ID...]",
  short: "Return low-level information on Docker objects",
  aliases: ["inspect"],
  flags: [
    { name: "format", short: "f", type: STRING, usage: INSPECT_FORMAT_USAGE },
    { name: "size", short: "s", type: BOOL, usage: "Display total file sizes if the type is container" },
    { name: "type", type: STRING, usage: "Only inspect objects of the given type" },
  ],
  arity: AT_LEAST_ONE,
  examples: [
    ["inspect web", "All that is known of a container, image, network or volume"],
    ["inspect -f '{{.State.Status}}' web", "One field of it"],
  ],
  async run(context, flags) {
    const type = flags.string("type");
    const given = flags.changed("type");
    if (given && type === "")
      throw new Error(
        'type is empty: must be one of "config", "container", "image", "network", "node", "plugin", "secret", "service", "task", "volume"',
      );
    const known = TYPES.find((name) => name === type);
    if (given && known === undefined) {
      if (!OTHER_TYPES.includes(type))
        throw new Error(
          `unknown type: ${JSON.stringify(type)}: must be one of "config", "container", "image", "network", "node", "plugin", "secret", "service", "task", "volume"`,
        );
      throw new Error(
        `inspecting objects of type ${JSON.stringify(type)} is not available yet in this version of Gantry`,
      );
    }
    const transport = await context.connect();
    const size = flags.bool("size");
    return inspectNames(context, flags.arguments, flags.string("format"), (name) =>
      known === undefined ? findAny(transport, name, size) : get(transport, known, name, size),
    );
  },
};

async function findAny(transport: Transport, name: string, size: boolean): Promise<unknown> {
  for (const type of TYPES) {
    try {
      return await get(transport, type, name, size);
    } catch (error) {
      if (!(error instanceof ClientError && (error.status === 404 || error.status === 400))) throw error;
    }
  }
  throw new Error(`Error: No such object: ${name}`);
}

async function get(transport: Transport, type: ObjectType, name: string, size: boolean): Promise<unknown> {
  const id = encodeURIComponent(name);
  const paths = {
    container: `/containers/${id}/json`,
    image: `/images/${name}/json`,
    network: `/networks/${id}`,
    volume: `/volumes/${id}`,
  } satisfies Record<ObjectType, string>;
  const query = type === "container" && size ? { size: true } : {};
  return (await transport.call("GET", paths[type], { query })).json();
}
