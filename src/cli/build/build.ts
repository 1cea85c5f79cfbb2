import { BuildFailed } from "../../client/build-call.ts";
import { ClientError } from "../../client/errors.ts";
import { absolutePath } from "../absolute-path.ts";
import { type CliContext, type Command, ExitError, exactly } from "../command.ts";
import { proxyEnvironment } from "../config-file.ts";
import { type Parsed, parseFlags } from "../flags/flag-set.ts";
import { BUILD_FLAGS } from "./build-flags.ts";
import { openCacheDirectories } from "./cache-directories.ts";
import { callResult } from "./call-result.ts";
import { openBuildDisplay, warningsText } from "./display/build-display.ts";
import type { BuildState } from "./display/build-state.ts";
import { failureText } from "./display/failure-text.ts";
import { type ProgressMode, progressMode } from "./display/progress-mode.ts";
import { firstFiles } from "./first-files.ts";
import { locateSources } from "./locate-context.ts";
import { readOffers } from "./offered.ts";
import { planBuild } from "./plan-build.ts";
import { planOutputs } from "./plan-outputs.ts";
import { checkDestinations } from "./receive-output.ts";
import { runBuild } from "./run-build.ts";
import { clearIdFile, writeIdFile, writeMetadata } from "./write-results.ts";

export const command: Command = {
  usage: "[OPTIONS] PATH | URL | -",
  short: "Build an image from a Dockerfile",
  aliases: ["image build", "build", "builder build", "buildx build"],
  flags: BUILD_FLAGS,
  arity: exactly(1),
  examples: [
    ["build -t app .", "The Dockerfile of this directory, and a name for the image"],
    ["build -t app --target test --build-arg VERSION=2 .", "One stage of it, with a value for its ARG"],
    ["build --secret id=token,src=token.txt .", "RUN --mount=type=secret,id=token reads the file; no layer keeps it"],
    ["build -o out .", "The files of the last stage, into the directory out"],
    ["build --graph build.svg .", "A picture of what was built, and how long it took"],
    ["build --check .", "What is wrong or risky in the Dockerfile, without building it"],
  ],
  run: build,
};

/** `build du`, `build history`: verbs of the builder, unless there is a directory of that name. */
const OTHER_VERBS: Record<string, () => Promise<{ command: Command }>> = {
  du: () => import("./du.ts"),
  history: () => import("./history/ls.ts"),
};

async function build(context: CliContext, flags: Parsed): Promise<number> {
  const other = await otherVerb(context, flags.arguments[0] ?? "");
  if (other !== undefined) return other.run(context, parseFlags(other.flags, [], { interspersed: true }));
  await tellUnused(context, flags);
  const outputs = planOutputs(flags);
  const quiet = flags.bool("quiet");
  const mode = await progressMode(context, flags.string("progress"), quiet);
  await checkDestinations(context, outputs);
  const offered = await readOffers(context, { secrets: flags.list("secret"), ssh: flags.list("ssh") });
  const sources = await locate(context, flags);
  const transport = await context.connect();
  const ref = crypto.randomUUID().replaceAll("-", "");
  const proxies = proxyEnvironment(await context.config(), transport.host.url, flags.list("build-arg"));
  const request = planBuild(flags, { ref, sources, outputs, environment: context.environment, proxies });
  const known =
    request.Dockerfile === null && sources.directory !== undefined && firstFiles(sources.directory, request.FileName);
  if (known) request.FirstFiles = known;
  const caches = openCacheDirectories(context.workingDir, request);
  for (const note of caches.notes) await context.io.err(`WARNING: ${note}\n`);
  clearIdFile(flags.string("iidfile"));
  const display = await openBuildDisplay(context, { mode, now: Date.now });
  const forget = context.onInterrupt(async () => {
    await display.end(false);
    await context.io.err("ERROR: the build was canceled\n");
  });
  try {
    const result = await runBuild(context, { transport, request, sources, outputs, offered, caches, display });
    await display.end(true);
    if (request.Call !== "") return await callResult(context, request.Call, { result, flags });
    caches.finish(result.Response["cache.manifest"]);
    writeIdFile(flags.string("iidfile"), result.ImageId);
    writeMetadata(flags.string("metadata-file"), ref, result);
    if (quiet) await context.io.out(`${result.ImageId}\n`);
    else
      await tellEnd(context, {
        mode,
        debug: flags.bool("debug"),
        result,
        named: request.Outputs.some(({ Names }) => Names.length > 0),
      });
    return 0;
  } catch (error) {
    await display.end(false);
    if (error instanceof ClientError && error.status === 404) {
      const { buildClassic } = await import("./classic/build-classic.ts");
      return await buildClassic(context, flags, { transport, request, sources, outputs });
    }
    throw toExit(error, display.state);
  } finally {
    forget();
    await drawGraph(context, flags.string("graph"), { state: display.state, name: request.Name });
  }
}

/** Flags that Docker's clients have for what there is none of here: taken, but not in silence. */
async function tellUnused({ io }: CliContext, flags: Parsed): Promise<void> {
  const builder = flags.string("builder");
  if (!["", "default"].includes(builder)) {
    await io.err(`WARNING: --builder ${builder} is not used: an engine has one builder, its own\n`);
  }
  const isolation = flags.string("isolation");
  if (!["", "default"].includes(isolation)) {
    await io.err(`WARNING: --isolation ${isolation} is not used: there is one kind on Linux\n`);
  }
  if (flags.list("security-opt").length > 0) await io.err("WARNING: --security-opt is not used by builds\n");
}

async function otherVerb({ workingDir }: CliContext, word: string): Promise<Command | undefined> {
  const load = Object.hasOwn(OTHER_VERBS, word) ? OTHER_VERBS[word] : undefined;
  if (load === undefined || (await import("node:fs")).existsSync(absolutePath(workingDir, word))) return undefined;
  return (await load()).command;
}

async function locate(context: CliContext, flags: Parsed) {
  const { realpathSync } = await import("node:fs");
  return locateSources({
    context: flags.arguments[0] ?? "",
    file: flags.string("file"),
    namedContexts: flags.list("build-context"),
    workingDir: context.workingDir,
    realPath: (path) => realpathSync(path),
    stdin: () => context.io.stdin(),
  });
}

interface End {
  mode: ProgressMode;
  debug: boolean;
  named: boolean;
  result: Awaited<ReturnType<typeof runBuild>>;
}

async function tellEnd(context: CliContext, { mode, debug, named, result }: End): Promise<void> {
  if (mode === "rawjson" || mode === "quiet") return;
  const text = warningsText(result.Warnings, debug);
  // Lines end in an empty one already.
  const warnings = text === "" || mode === "plain" ? text : `\n${text}`;
  const hint =
    result.ImageId === "" || named
      ? ""
      : `\nThe image has no name, only an ID: ${result.ImageId}\n'${context.program} build -t NAME' gives it one.\n`;
  await context.io.err(warnings + hint);
}

function toExit(error: unknown, state: BuildState): unknown {
  return error instanceof BuildFailed ? new ExitError(1, failureText(state, error.message), { cause: error }) : error;
}

async function drawGraph(context: CliContext, path: string, build: { state: BuildState; name: string }): Promise<void> {
  if (path === "" || build.state.steps.size === 0) return;
  const { writeGraph } = await import("./graph/write-graph.ts");
  await writeGraph(context, path, build);
}
