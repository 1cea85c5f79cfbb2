import { invalid } from "../../base/errors.ts";
import type { ContextSource, SolveRequest } from "../../builder/builder.ts";
import type { BuildQuery } from "./build-query.ts";
import type { GrpcSession } from "./session/grpc-session.ts";
import { remoteContext } from "./solve-request.ts";
import type { Uploads } from "./uploads.ts";

/** A build whose buildid begins so is the upload of another one. */
export const UPLOAD_PREFIX = "upload-request:";

/** A directory of the session's client. The same key over several builds: the same directory of the same client. */
export function sessionContext(session: GrpcSession, name: string): ContextSource {
  return { kind: "session", name, sharedKey: session.sharedKey === "" ? "" : `${session.sharedKey}:${name}` };
}

/** Where a build's files come from: the client's directories, an archive in this or another request, or an address. */
export async function contextOfQuery(
  { remote, buildId }: BuildQuery,
  from: { session: GrpcSession | undefined; body: AsyncIterable<Uint8Array>; uploads: Uploads; signal: AbortSignal },
): Promise<Pick<SolveRequest, "context" | "dockerfile">> {
  if (remote === "client-session") {
    if (from.session === undefined) throw invalid("a context of the client needs its session");
    return {
      context: sessionContext(from.session, "context"),
      dockerfile: sessionContext(from.session, "dockerfile"),
    };
  }
  if (remote === "upload-request") {
    return {
      context: { kind: "archive", archive: await from.uploads.take(buildId, from.signal) },
      dockerfile: undefined,
    };
  }
  const context: ContextSource = remote === "" ? { kind: "archive", archive: from.body } : remoteContext(remote);
  return { context, dockerfile: undefined };
}
