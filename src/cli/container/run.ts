import type { Transport } from "../../client/transport.ts";
import { AT_LEAST_ONE, type CliContext, type Command, ExitError } from "../command.ts";
import type { Parsed } from "../flags/flag-set.ts";
import type { Terminal } from "../terminal.ts";
import { RUN_FLAGS } from "./container-flags.ts";
import { type CreateBody, streams } from "./create-body.ts";
import { checkImageReference, createContainer, prepareCreate, refusal, runFailure } from "./create-container.ts";
import { detachKeysOf, endOfSession, followSize, joinStreams, proxySignals } from "./session.ts";
import { requestWait } from "./wait-request.ts";

export const command: Command = {
  usage: "[OPTIONS] IMAGE [COMMAND] [ARG...]",
  short: "Create and run a new container from an image",
  aliases: ["container run", "run"],
  flags: RUN_FLAGS,
  arity: AT_LEAST_ONE,
  interspersed: false,
  examples: [
    ["run --rm debian echo hello", "Run one command, and leave nothing behind"],
    ["run -it --rm debian bash", "A shell in a new container"],
    ["run -d --name web -p 8080:80 nginx", "A server in the background; port 8080 of this host leads to it"],
    ["run -v data:/var/lib/data -e MODE=test IMAGE", "With a volume and an environment variable"],
  ],
  run: runContainer,
};

async function runContainer(context: CliContext, flags: Parsed): Promise<number> {
  const detached = flags.bool("detach");
  if (detached && flags.list("attach").length > 0) {
    throw new ExitError(1, "conflicting options: cannot specify both --attach and --detach");
  }
  const wanted = streams(flags, detached);
  const terminal = wanted.Tty ? await context.terminal() : undefined;
  if (wanted.AttachStdin && terminal !== undefined && !terminal.inputIsTerminal) {
    throw new ExitError(1, "the input device is not a TTY");
  }
  let body: CreateBody;
  try {
    const consoleSize: [number, number] = detached ? [0, 0] : (terminal?.size() ?? [0, 0]);
    body = await prepareCreate(context, flags, { detached, consoleSize });
    checkImageReference(flags.arguments[0] ?? "");
  } catch (error) {
    throw refusal(context.program, "run", error);
  }
  try {
    const transport = await context.connect();
    const { id } = await createContainer(context, flags, body);
    if (wanted.AttachStdin || wanted.AttachStdout || wanted.AttachStderr) {
      return await runAttached(context, flags, { transport, id, wanted, terminal });
    }
    return await runDetached(context, flags, { transport, id, detached });
  } catch (error) {
    terminal?.restore();
    throw runFailure(context.program, error);
  }
}

interface Attached {
  transport: Transport;
  id: string;
  wanted: ReturnType<typeof streams>;
  terminal: Terminal | undefined;
}

async function runAttached(context: CliContext, flags: Parsed, session: Attached): Promise<number> {
  const { transport, id, wanted, terminal } = session;
  const keys = await detachKeysOf(context, flags);
  const query = {
    stream: true,
    stdin: wanted.AttachStdin,
    stdout: wanted.AttachStdout,
    stderr: wanted.AttachStderr,
    detachKeys: keys.text,
  };
  if (flags.bool("sig-proxy")) proxySignals(transport, id);
  // Both must stand before the start: else the first output, or the exit of a short command, would be missed.
  const [stream, wait] = await Promise.all([
    transport.hijack(`/containers/${id}/attach`, { query: onlyTrue(query) }),
    requestWait(transport, id, flags.bool("rm") ? "removed" : "next-exit"),
  ]);
  const { done } = joinStreams(context, stream, {
    stdin: wanted.AttachStdin,
    tty: wanted.Tty,
    terminal,
    detachKeys: keys.bytes,
  });
  done.catch(() => undefined);
  try {
    await transport.call("POST", `/containers/${id}/start`);
  } catch (error) {
    if (flags.bool("rm")) await wait.code.catch(() => undefined);
    throw error;
  }
  if (terminal !== undefined) followSize(transport, `/containers/${id}`, terminal);
  return endOfSession(context, done, () => wait.code);
}

async function runDetached(
  context: CliContext,
  flags: Parsed,
  target: { transport: Transport; id: string; detached: boolean },
): Promise<number> {
  const { transport, id } = target;
  if (target.detached) {
    await transport.call("POST", `/containers/${id}/start`);
    await context.io.out(`${id}\n`);
    return 0;
  }
  const wait = await requestWait(transport, id, flags.bool("rm") ? "removed" : "next-exit");
  await transport.call("POST", `/containers/${id}/start`);
  return wait.code;
}

function onlyTrue(query: Record<string, string | boolean>): Record<string, string | true> {
  return Object.fromEntries(Object.entries(query).filter(([, value]) => value !== false)) as Record<
    string,
    string | true
  >;
}
