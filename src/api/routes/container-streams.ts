import type { Duplex } from "node:stream";
import { EngineError, invalid, messageOf } from "../../base/errors.ts";
import type { Container, LogsRequest } from "../../containers/containers.ts";
import type { Engine } from "../../engine/engine.ts";
import { encodeFrame, SYSTEM_ERROR } from "../../wire/stdcopy.ts";
import { streamContentType } from "../content-types.ts";
import { parseDetachKeys } from "../detach-keys.ts";
import { flag, moment } from "../query.ts";
import { replayThen } from "../replay.ts";
import { type ApiRequest, type Reply, type Route, route } from "../route.ts";
import { atLeast } from "../version.ts";

/** Attach, logs and wait: what lasts as long as a container runs. */
export function containerStreamRoutes({ containers, events }: Pick<Engine, "containers" | "events">): Route[] {
  return [
    route("POST", "/containers/{id}/attach", (request) => attach(request)),
    route("GET", "/containers/{id}/logs", async ({ params, query, version, signal }) => {
      const wanted = decodeLogs(query);
      const { tty, stream } = await containers.logs(params.id, wanted, signal);
      return {
        stream,
        contentType: streamContentType(tty, version),
        onError: (error) => {
          const text = new TextEncoder().encode(`Error grabbing logs: ${messageOf(error)}\n`);
          return tty ? text : encodeFrame(SYSTEM_ERROR, text);
        },
      };
    }),
    route("POST", "/containers/{id}/wait", async ({ params, query, version, signal }) => {
      const condition = decodeCondition(query.get("condition") ?? "");
      const { result } = containers.wait(params.id, condition, signal);
      const encode = ({ code, error }: { code: number; error?: string }) => {
        const none = atLeast(version, 41) ? {} : { Error: null };
        return { StatusCode: code, ...(error === undefined || error === "" ? none : { Error: { Message: error } }) };
      };
      if (!atLeast(version, 30)) return { status: 200, body: encode(await result) };
      return { stream: oneLine(result.then(encode)), contentType: "application/json" };
    }),
  ];

  /** Nothing is looked up before the connection is taken over: Docker tells errors of an attach by hand, as plain text. */
  async function attach(request: ApiRequest<{ id: string }>): Promise<Reply> {
    const { params, query, version } = request;
    const keys = parseDetachKeys(query.get("detachKeys") ?? "");
    const found = await containers.get(params.id).catch((error: unknown) => error);
    const container = found instanceof Error ? undefined : (found as Container);
    const tty = container?.spec.process.tty ?? false;
    return {
      upgrade: {
        contentType: streamContentType(tty, version),
        headFirst: false,
        encodeError: () => new Uint8Array(0),
        async open(signal) {
          if (container === undefined) throw found;
          return openAttachment(container, query, signal);
        },
        detachKeys: tty && flag(query, "stdin") ? keys : new Uint8Array(0),
        onDetach() {
          if (container === undefined) return;
          const attributes = { ...container.spec.labels, image: container.spec.image, name: container.spec.name };
          events.publish({ type: "container", action: "detach", actorId: container.id, attributes });
        },
      },
    };
  }

  /** `logs`: what was said before; `stream`: what is said from now on. */
  async function openAttachment(container: Container, query: URLSearchParams, signal: AbortSignal): Promise<Duplex> {
    const wanted = { stdin: flag(query, "stdin"), stdout: flag(query, "stdout"), stderr: flag(query, "stderr") };
    const live = flag(query, "stream") ? await containers.attach(container.id, wanted) : undefined;
    if (!flag(query, "logs")) return live ?? replayThen(undefined, undefined);
    const past = { follow: false, stdout: wanted.stdout, stderr: wanted.stderr, timestamps: false, details: false };
    try {
      const { stream } = await containers.logs(container.id, past, signal);
      return replayThen(stream, live);
    } catch (error) {
      live?.destroy();
      throw error;
    }
  }
}

function decodeLogs(query: URLSearchParams): LogsRequest {
  const [stdout, stderr] = [flag(query, "stdout"), flag(query, "stderr")];
  if (!stdout && !stderr) throw invalid("Bad parameters: you must choose at least one stream");
  const since = moment(query, "since");
  const until = moment(query, "until");
  const tail = query.get("tail") ?? "";
  return {
    follow: flag(query, "follow"),
    stdout,
    stderr,
    ...(since === undefined ? {} : { since }),
    ...(until === undefined ? {} : { until }),
    // What is no number means all, as with Docker.
    ...(/^\d{1,15}$/.test(tail) ? { tail: Number(tail) } : {}),
    timestamps: flag(query, "timestamps"),
    details: flag(query, "details"),
  };
}

function decodeCondition(text: string) {
  if (text === "" || text === "not-running") return "not-running";
  if (text === "next-exit" || text === "removed") return text;
  throw new EngineError("invalid-argument", `invalid condition: ${JSON.stringify(text)}`);
}

async function* oneLine(value: Promise<unknown>): AsyncGenerator<Uint8Array> {
  yield new TextEncoder().encode(`${JSON.stringify(await value)}\n`);
}
