import { ConnectionError } from "../../client/errors.ts";
import type { WireVersion } from "../../wire/system.ts";
import { type CliContext, type Command, NO_ARGUMENTS } from "../command.ts";
import { STRING } from "../flags/flag-types.ts";
import { renderObject } from "../format/object-format.ts";
import { INSPECT_FORMAT_USAGE } from "../format/usage.ts";
import { CLIENT_VERSION } from "../version.ts";

export const command: Command = {
  usage: "[OPTIONS]",
  short: "Show the version information",
  aliases: ["version"],
  flags: [{ name: "format", short: "f", type: STRING, usage: INSPECT_FORMAT_USAGE }],
  arity: NO_ARGUMENTS,
  examples: [["version -f '{{.Server.Version}}'", "The version of the daemon"]],
  async run(context, flags) {
    const transport = await context.connect();
    let server: WireVersion | undefined;
    let failure: unknown;
    try {
      server = await (await transport.call("GET", "/version")).json<WireVersion>();
    } catch (error) {
      failure = error;
    }
    const client = {
      Platform: { Name: "Gantry" },
      Version: CLIENT_VERSION,
      ApiVersion: transport.apiVersion,
      DefaultAPIVersion: transport.apiVersion,
      Os: process.platform,
      Arch: architecture(),
      Context: "default",
    };
    const format = flags.string("format");
    if (format !== "")
      await context.io.out(renderObject(format, { Client: client, Server: server ?? null }, "*system.versionInfo"));
    else await context.io.out(versionText(client, server));
    if (failure === undefined) return 0;
    await tellFailure(context, failure);
    return 1;
  },
};

async function tellFailure(context: CliContext, failure: unknown): Promise<void> {
  const text = failure instanceof Error ? failure.message : String(failure);
  await context.io.err(`${failure instanceof ConnectionError ? text : `Error response from daemon: ${text}`}\n`);
}

/** Go's name of this machine's architecture. */
export function architecture(): string {
  return process.arch === "x64" ? "amd64" : process.arch;
}

interface ClientVersion {
  Version: string;
  ApiVersion: string;
  Os: string;
  Arch: string;
  Context: string;
}

/** The two-part text. `server` is undefined when none could be asked. Pure. */
export function versionText(client: ClientVersion, server: WireVersion | undefined): string {
  const rows = (indent: string, pairs: [string, string][], width: number) =>
    pairs.map(([name, value]) => `${indent}${`${name}:`.padEnd(width)}${value}\n`).join("");
  let text = "Client: Gantry\n";
  text += rows(
    " ",
    [
      ["Version", client.Version],
      ["API version", client.ApiVersion],
      ["OS/Arch", `${client.Os}/${client.Arch}`],
      ["Context", client.Context],
    ],
    19,
  );
  if (server === undefined) return text;
  text += `\nServer: ${server.Platform?.Name ?? ""}\n`;
  for (const component of server.Components ?? []) {
    text += ` ${component.Name}:\n`;
    const details = component.Details ?? {};
    const pairs: [string, string][] = [["Version", component.Version]];
    if (component.Name === "Engine") {
      pairs.push([
        "API version",
        `${details["ApiVersion"] ?? server.ApiVersion} (minimum version ${details["MinAPIVersion"] ?? server.MinAPIVersion})`,
      ]);
      pairs.push(["OS/Arch", `${server.Os}/${server.Arch}`]);
      pairs.push(["Kernel", server.KernelVersion]);
      pairs.push(["Experimental", String(server.Experimental ?? false)]);
    } else {
      for (const name of Object.keys(details).toSorted()) pairs.push([name, details[name] ?? ""]);
    }
    text += rows("  ", pairs, 18);
  }
  return text;
}
