import type { Transport } from "../../client/transport.ts";
import { AT_LEAST_ONE, type CliContext, type Command } from "../command.ts";
import { describeFailure, tellError, tellFailure } from "../failure.ts";
import type { Parsed } from "../flags/flag-set.ts";
import { BOOL, STRING } from "../flags/flag-types.ts";
import { exitCodeFor } from "./create-container.ts";
import { detachKeysOf, followSize, joinStreams, proxySignals } from "./session.ts";
import { Detached } from "./streams.ts";
import { requestWait } from "./wait-request.ts";

export const command: Command = {
  usage: "[OPTIONS] CONTAINER [CONTAINER...]",
  short: "Start one or more stopped containers",
  aliases: ["container start", "start"],
  flags: [
    { name: "attach", short: "a", type: BOOL, usage: "Attach STDOUT/STDERR and forward signals" },
    { name: "checkpoint", type: STRING, usage: "Restore from this checkpoint", hidden: true },
    { name: "checkpoint-dir", type: STRING, usage: "Use a custom checkpoint storage directory", hidden: true },
    { name: "detach-keys", type: STRING, usage: "Override the key sequence for detaching a container" },
    { name: "interactive", short: "i", type: BOOL, usage: "Attach container's STDIN" },
  ],
  arity: AT_LEAST_ONE,
  examples: [
    ["start web", "Start it again as it was"],
    ["start -ai shell", "With our keyboard and screen"],
  ],
  async run(context, flags) {
    if (flags.bool("attach") || flags.bool("interactive")) {
      if (flags.arguments.length > 1) throw new Error("you cannot start and attach multiple containers at once");
      return startAttached(context, flags);
    }
    return startAll(context, flags.arguments);
  },
};

async function startAll(context: CliContext, names: readonly string[]): Promise<number> {
  const transport = await context.connect();
  const failed: string[] = [];
  for (const name of names) {
    try {
      await transport.call("POST", `/containers/${encodeURIComponent(name)}/start`);
      await context.io.out(`${name}\n`);
    } catch (error) {
      await tellFailure(context, error);
      failed.push(name);
    }
  }
  if (failed.length === 0) return 0;
  await tellError(context, `Error: failed to start containers: ${failed.join(", ")}`);
  return 1;
}

interface Inspected {
  Id: string;
  Config: { Tty: boolean; OpenStdin: boolean };
  HostConfig: { AutoRemove: boolean };
}

async function startAttached(context: CliContext, flags: Parsed): Promise<number> {
  const transport: Transport = await context.connect();
  const name = encodeURIComponent(flags.arguments[0] ?? "");
  const {
    Id: id,
    Config: config,
    HostConfig: host,
  } = await (await transport.call("GET", `/containers/${name}/json`)).json<Inspected>();
  const stdin = flags.bool("interactive") && config.OpenStdin;
  const terminal = config.Tty ? await context.terminal() : undefined;
  const keys = await detachKeysOf(context, flags);
  if (!config.Tty) proxySignals(transport, id);
  const query = { stream: true, stdin: stdin ? true : undefined, stdout: true, stderr: true, detachKeys: keys.text };
  const stream = await transport.hijack(`/containers/${id}/attach`, { query });
  const wait = await requestWait(transport, id, host.AutoRemove ? "removed" : "next-exit");
  const { done } = joinStreams(context, stream, { stdin, tty: config.Tty, terminal, detachKeys: keys.bytes });
  done.catch(() => undefined);
  try {
    await transport.call("POST", `/containers/${id}/start`);
    if (terminal !== undefined) followSize(transport, `/containers/${id}`, terminal);
    await done;
  } catch (error) {
    terminal?.restore();
    if (error instanceof Detached) return 0;
    const failure = describeFailure(error);
    await tellError(context, failure.message);
    return exitCodeFor(failure.message) === 125 ? 1 : exitCodeFor(failure.message);
  }
  return wait.code;
}
