import { type Command, exactly } from "../command.ts";
import { BOOL, STRING } from "../flags/flag-types.ts";
import { detachKeysOf, endOfSession, followSize, joinStreams, proxySignals } from "./session.ts";
import { requestWait } from "./wait-request.ts";

interface Inspected {
  Id: string;
  State: { Running: boolean; Paused: boolean; Restarting: boolean };
  Config: { Tty: boolean; OpenStdin: boolean };
}

export const command: Command = {
  usage: "[OPTIONS] CONTAINER",
  short: "Attach local standard input, output, and error streams to a running container",
  aliases: ["container attach", "attach"],
  flags: [
    { name: "detach-keys", type: STRING, usage: "Override the key sequence for detaching a container" },
    { name: "no-stdin", type: BOOL, usage: "Do not attach STDIN" },
    { name: "sig-proxy", type: BOOL, usage: "Proxy all received signals to the process", default: "true" },
  ],
  arity: exactly(1),
  examples: [["attach web", "See what it writes from now on; ctrl-p ctrl-q leaves a container that has a terminal"]],
  async run(context, flags) {
    const transport = await context.connect();
    const name = encodeURIComponent(flags.arguments[0] ?? "");
    const container = await (await transport.call("GET", `/containers/${name}/json`)).json<Inspected>();
    if (!container.State.Running) throw new Error("cannot attach to a stopped container, start it first");
    if (container.State.Paused) throw new Error("cannot attach to a paused container, unpause it first");
    if (container.State.Restarting)
      throw new Error("cannot attach to a restarting container, wait until it is running");
    const id = container.Id;
    const tty = container.Config.Tty;
    const stdin = !flags.bool("no-stdin") && container.Config.OpenStdin;
    const terminal = tty ? await context.terminal() : undefined;
    if (stdin && terminal !== undefined && !terminal.inputIsTerminal) throw new Error("the input device is not a TTY");
    const keys = await detachKeysOf(context, flags);
    if (flags.bool("sig-proxy") && !tty) proxySignals(transport, id);
    const wait = await requestWait(transport, id, "not-running");
    const query = { stream: true, stdin: stdin ? true : undefined, stdout: true, stderr: true, detachKeys: keys.text };
    const stream = await transport.hijack(`/containers/${id}/attach`, { query });
    const { done } = joinStreams(context, stream, { stdin, tty, terminal, detachKeys: keys.bytes });
    if (terminal !== undefined) followSize(transport, `/containers/${id}`, terminal);
    return endOfSession(context, done, () => wait.code);
  },
};
