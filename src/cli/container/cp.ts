import { cleanPath } from "../../base/clean-path.ts";
import { ClientError } from "../../client/errors.ts";
import type { Transport } from "../../client/transport.ts";
import type { WirePathStat } from "../../wire/containers.ts";
import { GO_MODE, hasGoMode } from "../../wire/file-mode.ts";
import { type CliContext, type Command, exactly } from "../command.ts";
import {
  type Destination,
  followedSource,
  keepEnding,
  linkTarget,
  parseCopyArgument,
  planCopy,
  type Source,
  splitEntry,
} from "../files/copy-paths.ts";
import { findDestination } from "../files/find-destination.ts";
import { findSource, packLocal } from "../files/pack-local.ts";
import { unpackLocal } from "../files/unpack-local.ts";
import type { Parsed } from "../flags/flag-set.ts";
import { BOOL } from "../flags/flag-types.ts";
import { humanSize } from "../format/units.ts";
import { openMeter } from "../progress/meter.ts";

export const command: Command = {
  usage: "[OPTIONS] CONTAINER:SRC_PATH DEST_PATH|-\n\tcp [OPTIONS] SRC_PATH|- CONTAINER:DEST_PATH",
  short: "Copy files/folders between a container and the local filesystem",
  aliases: ["container cp", "cp"],
  flags: [
    { name: "archive", short: "a", type: BOOL, usage: "Archive mode (copy all uid/gid information)" },
    { name: "follow-link", short: "L", type: BOOL, usage: "Always follow symbol link in SRC_PATH" },
    {
      name: "quiet",
      short: "q",
      type: BOOL,
      usage:
        "Suppress progress output during copy. Progress output is automatically suppressed if no terminal is attached",
    },
  ],
  arity: exactly(2),
  examples: [
    ["cp web:/etc/nginx ./nginx", "A directory out of a container, running or not"],
    ["cp site/. web:/srv/www/", "What a directory holds, into another"],
    ["cp web:/var/log - | tar t", "As a tar archive on standard output"],
  ],
  async run(context, flags) {
    const [source, destination] = flags.arguments.map(parseCopyArgument);
    if (source === undefined || destination === undefined) throw new Error("bug: two arguments were asked for");
    if (flags.arguments[0] === "") throw new Error("source can not be empty");
    if (flags.arguments[1] === "") throw new Error("destination can not be empty");
    const isBetween = source.container !== "" && destination.container !== "";
    if (isBetween) throw new Error("copying between containers is not supported");
    if (source.container !== "") await copyOut(context, flags, { ...source, local: destination.path });
    else if (destination.container !== "") await copyIn(context, flags, { ...destination, local: source.path });
    else throw new Error("must specify at least one container source");
    return 0;
  },
};

interface Copy {
  container: string;
  /** In the container. */
  path: string;
  /** On this side; "-": a standard stream. */
  local: string;
}

async function copyOut(context: CliContext, flags: Parsed, { container, path, local }: Copy): Promise<void> {
  const transport = await context.connect();
  const target = local === "-" ? undefined : findDestination(localPath(context, local));
  const source = flags.bool("follow-link") ? await followed(transport, container, path) : { path, keptName: "" };
  const answer = await transport.call("GET", archivePath(container), { query: { path: source.path } });
  if (target === undefined) {
    for await (const chunk of answer.stream()) await context.io.out(chunk);
    return;
  }
  const stat = decodeStat(answer.headers);
  const isDirectory = stat !== undefined && hasGoMode(stat.mode, GO_MODE.directory);
  const plan = planCopy({ ...source, isDirectory }, target);
  const base = splitEntry(keepEnding(cleanPath(`/${source.path}`), source.path)).base;
  const label = `${container}:${path}`;
  await counted(context, flags, { label, to: target.path }, async (count) => {
    const skipped = await unpackLocal(count(answer.stream()), { directory: plan.directory, base, name: plan.name });
    for (const name of skipped) await context.io.err(`left out, a device or pipe cannot be made here: ${name}\n`);
  });
}

async function copyIn(context: CliContext, flags: Parsed, { container, path, local }: Copy): Promise<void> {
  const transport = await context.connect();
  const target = await containerDestination(transport, container, path);
  const query = { noOverwriteDirNonDir: true, copyUIDGID: flags.bool("archive") };
  const send = async (directory: string, body: AsyncIterable<Uint8Array>) => {
    const answer = await transport.call("PUT", archivePath(container), { query: { path: directory, ...query }, body });
    for await (const _ of answer.stream());
  };
  if (local === "-") {
    if (target.kind !== "directory") throw new Error(`destination "${container}:${path}" must be a directory`);
    return send(target.path, context.io.stdin());
  }
  const source: Source = findSource(localPath(context, local), flags.bool("follow-link"));
  const plan = planCopy(source, target);
  await counted(context, flags, { label: local, to: `${container}:${target.path}` }, (count) =>
    send(plan.directory, count(packLocal(source.path, plan.name))),
  );
}

type Count = (chunks: AsyncIterable<Uint8Array>) => AsyncIterable<Uint8Array>;

/** Docker says on standard error how much was copied, if its output is a terminal or `--quiet=false` was given. */
async function counted(
  context: CliContext,
  flags: Parsed,
  names: { label: string; to: string },
  copy: (count: Count) => Promise<void>,
): Promise<void> {
  const quiet = flags.changed("quiet") ? flags.bool("quiet") : !(await context.terminal()).outputIsTerminal;
  const meter = await openMeter(context, { label: names.label, quiet });
  let total = 0;
  async function* count(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of chunks) {
      total += chunk.byteLength;
      meter.advance(chunk.byteLength);
      yield chunk;
    }
  }
  try {
    await copy(count);
  } finally {
    await meter.end();
  }
  if (!quiet) await context.io.err(`Successfully copied ${humanSize(total, 3)} to ${names.to}\n`);
}

function localPath(context: CliContext, path: string): string {
  return keepEnding(cleanPath(path.startsWith("/") ? path : `${context.workingDir}/${path}`), path);
}

function archivePath(container: string): string {
  return `/containers/${encodeURIComponent(container)}/archive`;
}

/** Where a link leads is what is copied, under the link's name. What cannot be looked at is left to the copy to complain of. */
async function followed(transport: Transport, container: string, path: string): Promise<Omit<Source, "isDirectory">> {
  const stat = await lookAt(transport, container, path);
  if (stat === undefined || !hasGoMode(stat.mode, GO_MODE.symlink)) return { path, keptName: "" };
  return followedSource(path, linkTarget(path, stat.linkTarget));
}

async function containerDestination(transport: Transport, container: string, path: string): Promise<Destination> {
  let [place, stat] = [path, await lookAt(transport, container, path)];
  if (stat !== undefined && hasGoMode(stat.mode, GO_MODE.symlink)) {
    place = linkTarget(path, stat.linkTarget);
    stat = await lookAt(transport, container, place);
  }
  if (stat === undefined) return { path: place, kind: undefined };
  if (hasGoMode(stat.mode, GO_MODE.device)) {
    throw new Error(`destination "${container}:${path}" must be a directory or a regular file: got a device`);
  }
  return { path: place, kind: hasGoMode(stat.mode, GO_MODE.directory) ? "directory" : "other" };
}

/** undefined: not there, or not to be seen; the copy itself tells why. */
async function lookAt(transport: Transport, container: string, path: string): Promise<WirePathStat | undefined> {
  try {
    const answer = await transport.call("HEAD", archivePath(container), { query: { path } });
    for await (const _ of answer.stream());
    return decodeStat(answer.headers);
  } catch (error) {
    if (error instanceof ClientError) return undefined;
    throw error;
  }
}

function decodeStat(headers: Map<string, string>): WirePathStat | undefined {
  const text = headers.get("x-docker-container-path-stat");
  return text === undefined ? undefined : (JSON.parse(Buffer.from(text, "base64").toString()) as WirePathStat);
}
