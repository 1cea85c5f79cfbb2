import { EngineError, invalid } from "../../../base/errors.ts";
import type { Solved, SolvedTarget } from "../../../builder/builder.ts";
import {
  ApiCapability,
  BRIDGE,
  BridgeSolveRequest,
  BridgeSolveResponse,
  EvaluateRequest,
  PongResponse,
  Ref,
  RefMap,
  Result,
  ReturnRequest,
} from "../../../wire/buildkit/gateway.ts";
import { Empty } from "../../../wire/buildkit/session.ts";
import { errorOfStatus } from "../../../wire/grpc/status.ts";
import type { MessageOf } from "../../../wire/protobuf/message.ts";
import { type CallHandler, type ServerCall, unary } from "../../grpc/server.ts";
import { cacheSpecOf, solveRequestOfOptions, subrequestOf } from "./frontend-options.ts";
import type { GatewayBuild, GatewayBuilds } from "./gateway-builds.ts";
import { imageServices } from "./image-services.ts";
import { inputsOf } from "./inputs.ts";
import { requireDockerfile } from "./require-dockerfile.ts";
import { resultDefinition } from "./result-definition.ts";
import { resultServices } from "./result-services.ts";
import { subrequestMetadata } from "./subrequests.ts";
import { workerRecords } from "./workers.ts";

/** Which build a call of the bridge belongs to. */
const BUILD_METADATA = "buildkit-controlapi-buildid";

/** What the bridge can do. Without `gateway.solve.evaluate` clients would ask for files of the result, to have it built. */
const CAPABILITIES = [
  "solve.base",
  "resolveimage",
  "resolveimage.resolvemode",
  "source.metaresolver",
  "readfile",
  "readdir",
  "statfile",
  "reference.output",
  "frontend.inputs",
  "return",
  "returnmap",
  "importcaches",
  "proto.refarray",
  "gateway.solve.metadata",
  "gateway.solve.evaluate",
  "gateway.warnings",
  "frontend.caps",
];

/** The services by which a client steers its build. @see spec dockerfile.md "buildx docker driver" */
export function bridgeServices(builds: GatewayBuilds): [string, CallHandler][] {
  const find = (call: ServerCall) => builds.find(call.metadata(BUILD_METADATA)[0], call.signal);
  return [
    [
      `${BRIDGE}Ping`,
      unary({ input: Empty, output: PongResponse }, async (_, call) => {
        await find(call);
        const capabilities = CAPABILITIES.map((id) => ApiCapability.create({ id, enabled: true }));
        return { frontendCapabilities: capabilities, workers: workerRecords() };
      }),
    ],
    [
      `${BRIDGE}Solve`,
      unary({ input: BridgeSolveRequest, output: BridgeSolveResponse }, async (request, call) => ({
        result: await solve(builds, { build: await find(call), request, signal: call.signal }),
      })),
    ],
    [
      `${BRIDGE}Evaluate`,
      unary({ input: EvaluateRequest, output: Empty }, async ({ ref }, call) => {
        // Results are built by the time they have a name.
        (await find(call)).result(ref);
        return {};
      }),
    ],
    [
      `${BRIDGE}Return`,
      unary({ input: ReturnRequest, output: Empty }, async (request, call) => {
        complete(await find(call), request);
        return {};
      }),
    ],
    ...resultServices(find),
    ...imageServices(find),
    // For frontends that run as containers: there are none here.
    [`${BRIDGE}Inputs`, unary({ input: Empty, output: Empty }, () => ({}))],
    // A client's own warnings are for whoever watches the build: that is the client.
    [`${BRIDGE}Warn`, unary({ input: Empty, output: Empty }, () => ({}))],
  ];
}

interface Solving {
  build: GatewayBuild;
  request: MessageOf<typeof BridgeSolveRequest>;
  /** Of the call. */
  signal: AbortSignal;
}

async function solve(
  builds: Pick<GatewayBuilds, "target">,
  { build, request, signal: callSignal }: Solving,
): Promise<Result> {
  requireDockerfile(request);
  const { session, entitlements } = build;
  const signal = AbortSignal.any([build.signal, callSignal]);
  const cacheImports = request.cacheImports.map(cacheSpecOf);
  const call = subrequestOf(request.options);
  const input = inputsOf(builds, request.inputs);
  const wanted = solveRequestOfOptions(request.options, { session, signal, entitlements, cacheImports, input });
  if (call !== undefined)
    return Result.create({ metadata: await subrequestMetadata(build.job, wanted, { call, signal }) });
  const solved = await build.job.solve(wanted, signal);
  return encodeSolved(solved, build.keep(solved), request.options.get("multi-platform") === "true");
}

/** One platform: `ref`; several, or where the client wants it so: `refs`, and the list of them in the metadata. */
function encodeSolved({ targets }: Solved, ids: string[], multiPlatform: boolean): Result {
  const encoder = new TextEncoder();
  const names = targets.map(platformName);
  const platforms = targets.map(({ platform }, index) => ({ ID: names[index], Platform: platform }));
  const metadata = new Map([["refs.platforms", encoder.encode(JSON.stringify({ Platforms: platforms }))]]);
  const refs = ids.map((id) => Ref.create({ id, definition: resultDefinition(id) }));
  const single = targets.length === 1 && !multiPlatform;
  targets.forEach(({ config }, index) => {
    const key = single ? "containerimage.config" : `containerimage.config/${names[index]}`;
    metadata.set(key, encoder.encode(JSON.stringify(config)));
  });
  return Result.create({
    metadata,
    ref: single ? refs[0] : undefined,
    refs: single ? undefined : RefMap.create({ refs: new Map(refs.map((ref, index) => [names[index] ?? "", ref])) }),
  });
}

function platformName({ platform: { os, architecture, variant } }: SolvedTarget): string {
  return [os, architecture, variant].filter(Boolean).join("/");
}

/** The client says what its build has come to. */
function complete(build: GatewayBuild, { result, error }: MessageOf<typeof ReturnRequest>): void {
  if (error !== undefined) {
    build.fail(errorOfStatus(error.code, error.message));
    return;
  }
  const ids = [result?.ref, ...(result?.refs?.refs.values() ?? [])].flatMap((ref) =>
    ref === undefined ? [] : [ref.id],
  );
  const chosen = new Set(ids.filter((id) => id !== "").map((id) => build.result(id).solved));
  if (chosen.size > 1) throw tooMany();
  build.complete([...chosen][0]);
}

function tooMany(): EngineError {
  return invalid("the platforms of a result must come from one solve");
}
