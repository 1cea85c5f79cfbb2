import type { ResultEntry } from "../../../builder/builder.ts";
import { kernelMode } from "../../../wire/buildkit/file-entry.ts";
import {
  BRIDGE,
  ReadDirectoryRequest,
  ReadDirectoryResponse,
  ReadFileRequest,
  ReadFileResponse,
  StatFileRequest,
  StatFileResponse,
} from "../../../wire/buildkit/gateway.ts";
import { Stat } from "../../../wire/buildkit/session.ts";
import { toGoMode } from "../../../wire/file-mode.ts";
import { invalid } from "../../../base/errors.ts";
import { type CallHandler, type ServerCall, unary } from "../../grpc/server.ts";
import type { GatewayBuild } from "./gateway-builds.ts";

/** Clients look into what they have built, before it goes anywhere. */
export function resultServices(find: (call: ServerCall) => Promise<GatewayBuild>): [string, CallHandler][] {
  const filesOf = async (call: ServerCall, ref: string) => {
    const { job, result, signal } = await find(call);
    return job.files(result(ref).target, AbortSignal.any([signal, call.signal]));
  };
  return [
    [
      `${BRIDGE}ReadFile`,
      unary({ input: ReadFileRequest, output: ReadFileResponse }, async ({ ref, path, range }, call) => {
        const { offset = 0, length = 0 } = range ?? {};
        if (offset < 0 || length < 0) throw invalid(`invalid range ${offset}, ${length}`);
        const files = await filesOf(call, ref);
        return { data: await files.read(path, { offsetBytes: offset, lengthBytes: length || undefined }) };
      }),
    ],
    [
      `${BRIDGE}ReadDir`,
      unary({ input: ReadDirectoryRequest, output: ReadDirectoryResponse }, async ({ ref, path, pattern }, call) => {
        const files = await filesOf(call, ref);
        return { entries: (await files.list(path, pattern || undefined)).map(encodeEntry) };
      }),
    ],
    [
      `${BRIDGE}StatFile`,
      unary({ input: StatFileRequest, output: StatFileResponse }, async ({ ref, path }, call) => {
        const files = await filesOf(call, ref);
        return { stat: encodeEntry(await files.stat(path)) };
      }),
    ],
  ];
}

/** As fsutil's: the path is the name alone. */
function encodeEntry({ name, type, mode, sizeBytes, modifiedNs, ...rest }: ResultEntry): Stat {
  const goMode = toGoMode(kernelMode(type, mode));
  return Stat.create({ ...rest, path: name, mode: goMode, size: sizeBytes, modTime: modifiedNs });
}
