import { messageOf } from "../../base/errors.ts";
import { callBuild } from "../../client/build-call.ts";
import type { Transport } from "../../client/transport.ts";
import type { WireBuildRequest, WireBuildResult } from "../../wire/build-messages.ts";
import type { CliContext } from "../command.ts";
import type { CacheDirectories } from "./cache-directories.ts";
import type { BuildDisplay } from "./display/build-display.ts";
import type { BuildSources } from "./locate-context.ts";
import { accountOf, type Offered } from "./offered.ts";
import type { PlannedOutput } from "./plan-outputs.ts";
import { receiveOutput } from "./receive-output.ts";
import { serveWalk } from "./serve-walk.ts";

export interface BuildRun {
  transport: Transport;
  request: WireBuildRequest;
  sources: Pick<BuildSources, "trees" | "archives">;
  outputs: readonly PlannedOutput[];
  offered: Offered;
  caches: CacheDirectories;
  display: Pick<BuildDisplay, "update" | "note">;
}

/** Has the daemon build, and gives it what it asks for. Throws BuildFailed, or ClientError 404 where it is not Gantry. */
export function runBuild(context: CliContext, run: BuildRun): Promise<WireBuildResult> {
  const { transport, request, sources, outputs, offered, caches, display } = run;
  /** The daemon hears that there is none, the user why. */
  const orNone = async <T>(what: string, value: Promise<T>): Promise<T | undefined> => {
    try {
      return await value;
    } catch (error) {
      await display.note(`WARNING: ${what} cannot be read, going on without: ${messageOf(error)}\n`);
      return undefined;
    }
  };
  return callBuild(transport, request, {
    events: (events) => display.update(events),
    secret: (id) => orNone(`secret ${id}`, offered.secret(id)),
    hasAgent: async (id) => offered.hasAgent(id),
    credentials: (host) => orNone(`the account for ${host}`, accountOf(context, host)),
    hasBlob: async (layout, digest) => caches.has(layout, digest),
    blob: ({ Layout, Digest, Direction }, stream) =>
      Direction === "read" ? caches.send(Layout, Digest, stream) : caches.take(Layout, Digest, stream),
    agent: (id, stream) => offered.joinAgent(id, stream),
    async walk(opening, stream) {
      const tree = sources.trees.get(opening.Name);
      if (tree === undefined) throw Object.assign(new Error(`no local directory ${opening.Name}`), { code: "ENOENT" });
      await serveWalk(stream, tree, opening);
    },
    async archive(name, stream) {
      const archive = sources.archives.get(name);
      if (archive === undefined) throw Object.assign(new Error(`no archive ${name}`), { code: "ENOENT" });
      sources.archives.delete(name); // read once
      for await (const bytes of archive) await stream.sendAll(bytes);
    },
    output: ({ Id, Form }, stream) =>
      receiveOutput(
        context,
        outputs.find(({ wire }) => wire.Id === Id),
        { form: Form, stream },
      ),
  });
}
