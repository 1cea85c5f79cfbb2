import { EngineError } from "../../base/errors.ts";
import type { Exec, ExecSpec } from "../../containers/containers.ts";
import type { Engine } from "../../engine/engine.ts";
import type { WireExecInspect } from "../../wire/exec.ts";
import { encodeFrame, STDOUT } from "../../wire/stdcopy.ts";
import { decodeConsoleSize } from "../containers/decode-spec.ts";
import { streamContentType } from "../content-types.ts";
import { DEFAULT_DETACH_KEYS, parseDetachKeys } from "../detach-keys.ts";
import { Fields } from "../fields.ts";
import { terminalSize } from "../query.ts";
import { type Reply, type Route, route } from "../route.ts";

export function execRoutes({ containers, events }: Pick<Engine, "containers" | "events">): Route[] {
  return [
    route("POST", "/containers/{id}/exec", async (request) => {
      const spec = decodeExec(await request.json());
      return { status: 201, body: { Id: await containers.createExec(request.params.id, spec) } };
    }),
    route("POST", "/exec/{id}/start", async (request): Promise<Reply> => {
      const fields = new Fields(await request.json(), "ExecStartOptions");
      const exec = await containers.getExec(request.params.id);
      const size = fields.has("ConsoleSize") ? { consoleSize: decodeConsoleSize(fields.list("ConsoleSize")) } : {};
      const options = { detach: fields.bool("Detach"), tty: exec.spec.tty, ...size };
      if (options.detach) {
        await containers.startExec(exec.id, { ...options, signal: request.signal });
        return { status: 200 };
      }
      return startAttached(exec, options, request.version);
    }),
    route("POST", "/exec/{id}/resize", async ({ params, query }) => {
      const { rows, columns } = terminalSize(query);
      await containers.resizeExec(params.id, rows, columns);
      return { status: 200 };
    }),
    route("GET", "/exec/{id}/json", async ({ params }) => ({
      status: 200,
      body: encodeExec(await containers.getExec(params.id)),
    })),
  ];

  function startAttached(
    exec: Exec,
    options: { detach: boolean; tty: boolean; consoleSize?: [number, number] },
    version: number,
  ): Reply {
    const { tty, attachStdin, detachKeys } = exec.spec;
    return {
      upgrade: {
        contentType: streamContentType(tty, version),
        headFirst: true,
        encodeError: (message) => {
          const text = new TextEncoder().encode(`${message}\r\n`);
          return tty ? text : encodeFrame(STDOUT, text);
        },
        async open(signal) {
          const streams = await containers.startExec(exec.id, { ...options, signal });
          if (streams === undefined) throw new EngineError("internal", `exec ${exec.id} has no streams`);
          return streams;
        },
        ended: () => containers.execEnded(exec.id),
        detachKeys: tty && attachStdin ? parseDetachKeys(detachKeys) : new Uint8Array(0),
        onDetach() {
          const attributes = { execID: exec.id };
          events.publish({ type: "container", action: "exec_detach", actorId: exec.containerId, attributes });
        },
      },
    };
  }
}

function decodeExec(body: unknown): ExecSpec {
  const fields = new Fields(body, "ExecOptions");
  const command = fields.optionalStrings("Cmd") ?? [];
  if (command.length === 0) throw new EngineError("invalid-argument", "no exec command specified");
  const detachKeys = fields.string("DetachKeys");
  if (detachKeys !== "") parseDetachKeys(detachKeys);
  return {
    command,
    environment: fields.strings("Env"),
    workingDir: fields.string("WorkingDir"),
    user: fields.string("User"),
    tty: fields.bool("Tty"),
    privileged: fields.bool("Privileged"),
    attachStdin: fields.bool("AttachStdin"),
    attachStdout: fields.bool("AttachStdout"),
    attachStderr: fields.bool("AttachStderr"),
    detachKeys,
    consoleSize: decodeConsoleSize(fields.list("ConsoleSize")),
  };
}

function encodeExec({ id, containerId, spec, pid, running, exitCode }: Exec): WireExecInspect {
  const [entrypoint = "", ...rest] = spec.command;
  return {
    ID: id,
    Running: running,
    ExitCode: exitCode ?? null,
    ProcessConfig: {
      tty: spec.tty,
      entrypoint,
      arguments: rest,
      privileged: spec.privileged,
      ...(spec.user === "" ? {} : { user: spec.user }),
    },
    OpenStdin: spec.attachStdin,
    OpenStderr: spec.attachStderr,
    OpenStdout: spec.attachStdout,
    CanRemove: exitCode !== undefined,
    ContainerID: containerId,
    // Go's JSON of bytes.
    DetachKeys: Buffer.from(spec.detachKeys === "" ? DEFAULT_DETACH_KEYS : parseDetachKeys(spec.detachKeys)).toString(
      "base64",
    ),
    Pid: pid ?? 0,
  };
}
