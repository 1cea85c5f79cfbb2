import type { Transport } from "../../client/transport.ts";
import { type CliContext, type Command, ExitError } from "../command.ts";
import type { Parsed } from "../flags/flag-set.ts";
import { BOOL, LIST, listOf, STRING } from "../flags/flag-types.ts";
import { readTextFile } from "../read-file.ts";
import { checkEnvironment } from "./parse-network.ts";
import { readEnvironment } from "./read-env.ts";
import { detachKeysOf, endOfSession, followSize, joinStreams } from "./session.ts";

export const command: Command = {
  usage: "[OPTIONS] CONTAINER COMMAND [ARG...]",
  short: "Execute a command in a running container",
  aliases: ["container exec", "exec"],
  flags: [
    { name: "detach", short: "d", type: BOOL, usage: "Detached mode: run command in the background" },
    { name: "detach-keys", type: STRING, usage: "Override the key sequence for detaching a container" },
    { name: "env", short: "e", type: listOf("list", checkEnvironment), usage: "Set environment variables" },
    { name: "env-file", type: LIST, usage: "Read in a file of environment variables" },
    { name: "interactive", short: "i", type: BOOL, usage: "Keep STDIN open even if not attached" },
    { name: "privileged", type: BOOL, usage: "Give extended privileges to the command" },
    { name: "tty", short: "t", type: BOOL, usage: "Allocate a pseudo-TTY" },
    { name: "user", short: "u", type: STRING, usage: 'Username or UID (format: "<name|uid>[:<group|gid>]")' },
    { name: "workdir", short: "w", type: STRING, usage: "Working directory inside the container" },
  ],
  arity: { min: 2, max: Number.POSITIVE_INFINITY },
  interspersed: false,
  examples: [
    ["exec -it web sh", "A shell in the running container `web`"],
    ["exec -u root -w /srv web ls -l", "As another user, in another directory"],
  ],
  run: execute,
};

async function execute(context: CliContext, flags: Parsed): Promise<number> {
  const detach = flags.bool("detach");
  const tty = flags.bool("tty");
  const stdin = flags.bool("interactive") && !detach;
  const terminal = tty && !detach ? await context.terminal() : undefined;
  if (stdin && terminal !== undefined && !terminal.inputIsTerminal)
    throw new ExitError(1, "the input device is not a TTY");
  const [container = "", ...args] = flags.arguments;
  const keys = await detachKeysOf(context, flags);
  const reader = { readText: readTextFile };
  const body = {
    AttachStdin: stdin,
    AttachStdout: !detach,
    AttachStderr: !detach,
    Tty: tty,
    Detach: detach,
    DetachKeys: keys.text,
    Privileged: flags.bool("privileged"),
    User: flags.string("user"),
    WorkingDir: flags.string("workdir"),
    Env: await readEnvironment(flags.list("env-file"), flags.list("env"), { reader, environment: context.environment }),
    Cmd: args,
    ...(terminal?.outputIsTerminal === true ? { ConsoleSize: terminal.size() } : {}),
  };
  const transport = await context.connect();
  const created = await transport.call("POST", `/containers/${encodeURIComponent(container)}/exec`, { json: body });
  const { Id: id } = await created.json<{ Id: string }>();
  const start = {
    Detach: detach,
    Tty: tty,
    ...(body.ConsoleSize === undefined ? {} : { ConsoleSize: body.ConsoleSize }),
  };
  if (detach) {
    await transport.call("POST", `/exec/${id}/start`, { json: start });
    return 0;
  }
  const stream = await transport.hijack(`/exec/${id}/start`, { json: start });
  const { done } = joinStreams(context, stream, { stdin, tty, terminal, detachKeys: keys.bytes });
  if (terminal !== undefined) followSize(transport, `/exec/${id}`, terminal);
  return endOfSession(context, done, () => exitCode(transport, id));
}

async function exitCode(transport: Transport, id: string): Promise<number> {
  const answer = await transport.call("GET", `/exec/${id}/json`);
  return (await answer.json<{ ExitCode: number | null }>()).ExitCode ?? 0;
}
