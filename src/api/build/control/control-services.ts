import { EngineError, messageOf } from "../../../base/errors.ts";
import type { Clock } from "../../../base/clock.ts";
import type { Builder, BuildJob, Output, Solved } from "../../../builder/builder.ts";
import {
  CONTROL,
  InfoResponse,
  ListWorkersResponse,
  SolveRequest,
  SolveResponse,
  StatusRequest,
  StatusResponse,
} from "../../../wire/buildkit/control.ts";
import { Empty } from "../../../wire/buildkit/session.ts";
import { type CallHandler, type ServerCall, serverStream, unary } from "../../grpc/server.ts";
import { encodeStatus, outputBytes } from "../buildkit/encode-status.ts";
import { eventBatches } from "../buildkit/event-batches.ts";
import { bytesDuplex } from "../session/bytes-duplex.ts";
import type { GrpcSession } from "../session/grpc-session.ts";
import { decodeHello } from "../session/hello.ts";
import type { Sessions } from "../session/sessions.ts";
import { cancellable } from "../running-build.ts";
import { outputOf } from "../solve-request.ts";
import { cacheSpecOf, solveRequestOfOptions } from "./frontend-options.ts";
import type { GatewayBuilds } from "./gateway-builds.ts";
import { inputsOf } from "./inputs.ts";
import { requireDockerfile } from "./require-dockerfile.ts";
import { workerRecords } from "./workers.ts";

export interface ControlDeps {
  builder: Builder;
  sessions: Sessions;
  gateway: GatewayBuilds;
  clock: Clock;
  version: string;
}

/** Builds by BuildKit's Control service: begin one, watch it, offer a session to it. */
export function controlServices(deps: ControlDeps): [string, CallHandler][] {
  const { builder, sessions, clock, version } = deps;
  return [
    [
      `${CONTROL}ListWorkers`,
      unary({ input: Empty, output: ListWorkersResponse }, () => ({ record: workerRecords() })),
    ],
    [
      `${CONTROL}Info`,
      unary({ input: Empty, output: InfoResponse }, () => ({
        buildkitVersion: { package: "gantry", version: `v${version}`, revision: "" },
      })),
    ],
    [
      `${CONTROL}Solve`,
      unary({ input: SolveRequest, output: SolveResponse }, (request, call) => solve(deps, request, call)),
    ],
    [
      `${CONTROL}Status`,
      serverStream({ input: StatusRequest, output: StatusResponse }, async function* status({ ref }, { signal }) {
        const over = builder.history().some((one) => one.ref === ref && one.completedAt !== undefined);
        const events = over ? builder.logs(ref) : (await builder.job(ref, signal)).events(signal);
        for await (const batch of eventBatches(events, outputBytes)) yield encodeStatus(batch, clock.now());
      }),
    ],
    [`${CONTROL}Session`, (call) => serveSession(sessions, call)],
  ];
}

/** A session through a call instead of a connection of its own. */
async function serveSession(sessions: Sessions, call: ServerCall): Promise<void> {
  const hello = decodeHello((name) => call.metadata(name).join(",") || undefined);
  const over = Promise.withResolvers<void>();
  const connection = bytesDuplex({
    messages: call.messages,
    send: (message) => call.send(message),
    end: () => over.resolve(),
    cancel: () => over.resolve(),
  });
  connection.on("error", () => connection.destroy());
  call.signal.addEventListener("abort", () => connection.destroy(), { once: true });
  const session = sessions.open(connection, hello);
  session.closed.addEventListener("abort", () => over.resolve(), { once: true });
  await over.promise;
}

async function solve(
  deps: ControlDeps,
  request: SolveRequest,
  call: ServerCall,
): Promise<Partial<{ exporterResponse: Map<string, string> }>> {
  const session = request.session === "" ? undefined : await deps.sessions.wait(request.session, call.signal);
  const outputs = outputsOf(request);
  const cacheTo = (request.cache?.exports ?? []).map(cacheSpecOf);
  const name = outputs.flatMap((output) => ("names" in output ? output.names : []))[0] ?? "";
  const job = deps.builder.start(request.ref, { session, name });
  const { signal, finish } = cancellable(deps.builder, job, { session, signal: call.signal });
  try {
    job.check(outputs, cacheTo, undefined);
    const solved = await solvedBy(deps, request, { job, session, signal });
    const result = solved === undefined ? undefined : await job.export(solved, outputs, { cacheTo, signal });
    finish({ error: undefined });
    return { exporterResponse: new Map(Object.entries(result?.response ?? {})) };
  } catch (error) {
    finish({ error: messageOf(error) });
    throw error;
  }
}

interface Steered {
  job: BuildJob;
  session: GrpcSession | undefined;
  signal: AbortSignal;
}

/** Without a frontend the client solves itself, by the bridge, and this waits for what it returns. */
async function solvedBy(
  { gateway }: ControlDeps,
  request: SolveRequest,
  { job, session, signal }: Steered,
): Promise<Solved | undefined> {
  const { ref, frontend, definition, frontendAttributes: options, entitlements } = request;
  if (frontend !== "" || definition.byteLength > 0) {
    requireDockerfile({ definition, frontend, options });
    const cacheImports = (request.cache?.imports ?? []).map(cacheSpecOf);
    const input = inputsOf(gateway, request.inputs);
    return job.solve(solveRequestOfOptions(options, { session, signal, entitlements, cacheImports, input }), signal);
  }
  const build = gateway.begin({ ref, job, session, entitlements, signal });
  try {
    return await build.outcome;
  } finally {
    gateway.end(ref);
  }
}

/** Older clients have one exporter, in fields of its own. The client knows its outputs by their places in the list. */
function outputsOf({ exporter, exporterAttributes, exporters }: SolveRequest): Output[] {
  const given =
    exporters.length > 0
      ? exporters.map((one, index) => ({ ...one, id: String(index) }))
      : [{ type: exporter, attributes: exporterAttributes, id: "" }];
  if (given.length > MAX_OUTPUTS) throw new EngineError("invalid-argument", `more than ${MAX_OUTPUTS} exporters`);
  return given.map(({ type, attributes, id }) => {
    const values = Object.fromEntries(attributes);
    const names = (values["name"] ?? "").split(",").filter(Boolean);
    return outputOf({ type, attributes: values, id }, names);
  });
}

const MAX_OUTPUTS = 64;
