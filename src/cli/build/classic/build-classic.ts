import type { Query, Transport } from "../../../client/transport.ts";
import type { WireBuildRequest } from "../../../wire/build-messages.ts";
import { JsonLines } from "../../../wire/json-stream.ts";
import type { WireProgress } from "../../../wire/progress.ts";
import type { CliContext } from "../../command.ts";
import { encodeHeader } from "../../credentials/call-for-registry.ts";
import type { Parsed } from "../../flags/flag-set.ts";
import { metered } from "../../progress/meter.ts";
import { openProgressDisplay } from "../../progress/progress-display.ts";
import type { BuildSources } from "../locate-context.ts";
import type { PlannedOutput } from "../plan-outputs.ts";
import { writeIdFile } from "../write-results.ts";
import { packContext, readSmallFile } from "./pack-context.ts";

export interface ClassicBuild {
  transport: Transport;
  request: WireBuildRequest;
  sources: BuildSources;
  outputs: readonly PlannedOutput[];
}

/** What a daemon without `/gantry/build` cannot do. */
const OURS_ONLY = [
  "secret",
  "ssh",
  "build-context",
  "cache-to",
  "push",
  "attest",
  "provenance",
  "sbom",
  "allow",
  "annotation",
  "no-cache-filter",
  "metadata-file",
  "graph",
  "timestamp",
];
const MAX_DOCKERFILE_BYTES = 16 * 1024 * 1024;

/** `POST /build`, as every daemon has it: a context that is packed here, and lines that tell what happens. */
export async function buildClassic(context: CliContext, flags: Parsed, build: ClassicBuild): Promise<number> {
  refuseWhatIsMissing(flags, build);
  // A body is sent once: an older daemon's version has to be found out before.
  await (await build.transport.call("GET", "/version")).json();
  const quiet = flags.bool("quiet");
  const display = await openProgressDisplay(context, {
    quiet,
    drawn: !quiet,
    lines: "out",
    area: "err",
    upload: { label: "build context" },
  });
  const found = { imageId: "" };
  try {
    const body = bodyOf(build);
    const accounts = await (await context.credentials()).all();
    const answer = await build.transport.call("POST", "/build", {
      query: queryOf(build, flags),
      headers: {
        "Content-Type": "application/x-tar",
        "X-Registry-Config": encodeHeader(accounts),
      },
      ...(body === undefined ? {} : { body: metered(body, display) }),
    });
    await display.show(withImageId(answer.stream(), found));
  } finally {
    await display.end();
  }
  writeIdFile(flags.string("iidfile"), found.imageId);
  if (quiet) await context.io.out(`${found.imageId}\n`);
  return 0;
}

function refuseWhatIsMissing(flags: Parsed, { request, outputs }: ClassicBuild): void {
  const missing = OURS_ONLY.find((name) => flags.changed(name));
  const other = outputs.find(({ wire }) => wire.Type !== "image");
  const what =
    missing !== undefined
      ? `--${missing}`
      : other !== undefined
        ? `--output type=${other.wire.Type}`
        : request.Call !== ""
          ? `--call ${request.Call}`
          : request.Platforms.length > 1
            ? "several platforms"
            : "";
  if (what !== "")
    throw new Error(`this daemon is not Gantry and builds only in the classic way, which has no ${what}`);
}

const EXTRA_NAME = ".dockerfile.gantry";

function bodyOf({ request, sources }: ClassicBuild): AsyncIterable<Uint8Array> | undefined {
  const archive = sources.archives.get("context");
  if (archive !== undefined) return archive;
  const outside = sources.trees.get("dockerfile");
  const content = outside === undefined ? undefined : readSmallFile(outside, request.FileName, MAX_DOCKERFILE_BYTES);
  if (outside !== undefined && content === undefined) throw new Error(`unable to read ${request.FileName}`);
  const tree = sources.trees.get("context");
  if (tree === undefined && content === undefined) return undefined;
  return packContext({
    tree: tree ?? { walk: () => [], follow: () => [], open: () => noFile() },
    dockerfile: content === undefined ? request.FileName : undefined,
    extra: content === undefined ? undefined : { name: EXTRA_NAME, content },
  });
}

function noFile(): never {
  throw new Error("an empty context has no files");
}

/** @see moby api/docs: ImageBuild */
function queryOf({ request, sources }: ClassicBuild, flags: Parsed): Query {
  const { Context, Resources } = request;
  const remote = Context?.Kind === "http" || Context?.Kind === "git" ? Context.Url : undefined;
  const json = (value: object) => (Object.keys(value).length === 0 ? undefined : JSON.stringify(value));
  return {
    t: request.Outputs.flatMap(({ Names }) => Names),
    dockerfile: sources.trees.has("dockerfile") ? EXTRA_NAME : request.FileName,
    remote,
    target: request.Target,
    buildargs: json(request.BuildArgs),
    labels: json(request.Labels),
    cachefrom: json(request.CacheFrom.map(({ Attributes }) => Attributes["ref"] ?? "")),
    nocache: request.NoCache === null ? undefined : true,
    pull: request.Pull || undefined,
    rm: flags.bool("rm"),
    forcerm: flags.bool("force-rm") || undefined,
    squash: request.Squash || undefined,
    platform: request.Platforms[0],
    networkmode: request.Network,
    extrahosts: request.ExtraHosts,
    shmsize: request.ShmSize || undefined,
    ulimits: json(request.Ulimits),
    cgroupparent: request.CgroupParent,
    memory: Resources.Memory || undefined,
    memswap: Resources.MemorySwap || undefined,
    cpushares: Resources.CpuShares || undefined,
    cpuperiod: Resources.CpuPeriod || undefined,
    cpuquota: Resources.CpuQuota || undefined,
    cpusetcpus: Resources.CpusetCpus,
    cpusetmems: Resources.CpusetMems,
    version: "1",
  };
}

/** The same bytes; the image's ID is noted as it passes. */
async function* withImageId(stream: AsyncIterable<Uint8Array>, found: { imageId: string }): AsyncGenerator<Uint8Array> {
  const lines = new JsonLines<WireProgress>();
  for await (const bytes of stream) {
    for (const { aux } of lines.push(bytes)) {
      const id = (aux as { ID?: unknown } | undefined)?.ID;
      if (typeof id === "string") found.imageId = id;
    }
    yield bytes;
  }
}
