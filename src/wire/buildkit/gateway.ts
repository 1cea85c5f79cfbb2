import {
  bool,
  BYTES,
  bytes,
  field,
  int64,
  map,
  message,
  type MessageOf,
  repeated,
  STRING,
  string,
} from "../protobuf/message.ts";
import { CacheEntry, Platform, Range, RpcStatus, SourceInfo, WorkerRecord } from "./control.ts";
import { Stat } from "./session.ts";

/** Messages of BuildKit's LLBBridge service. @see BuildKit frontend/gateway/pb/gateway.proto, util/apicaps/pb/caps.proto */
export const BRIDGE = "/moby.buildkit.v1.frontend.LLBBridge/";

export const ApiCapability = message({ id: string(1), enabled: bool(2) });
export const PongResponse = message({
  frontendCapabilities: repeated(1, ApiCapability),
  llbCapabilities: repeated(2, ApiCapability),
  workers: repeated(3, WorkerRecord),
});

/** `definition`: LLB, bytes only; a result that was built here has none. */
export const Ref = message({ id: string(1), definition: bytes(2) });
export const RefMap = message({ refs: map(1, Ref) });
/** One of `ref` and `refs` (by platform). */
export const Result = message({ ref: field(3, Ref), refs: field(4, RefMap), metadata: map(10, BYTES) });
export type Result = MessageOf<typeof Result>;

export const BridgeSolveRequest = message({
  definition: bytes(1),
  frontend: string(2),
  options: map(3, STRING),
  allowResultReturn: bool(5),
  cacheImports: repeated(12, CacheEntry),
  evaluate: bool(14),
});
export const BridgeSolveResponse = message({ result: field(3, Result) });

export const ReturnRequest = message({ result: field(1, Result), error: field(2, RpcStatus) });

export const ResolveImageRequest = message({
  reference: string(1),
  platform: field(2, Platform),
  resolveMode: string(3),
});
export const ResolveImageResponse = message({ digest: string(1), config: bytes(2), reference: string(3) });

export const FileRange = message({ offset: int64(1), length: int64(2) });
export const ReadFileRequest = message({ ref: string(1), path: string(2), range: field(3, FileRange) });
export const ReadFileResponse = message({ data: bytes(1) });
export const ReadDirRequest = message({ ref: string(1), path: string(2), includePattern: string(3) });
export const ReadDirResponse = message({ entries: repeated(1, Stat) });
export const StatFileRequest = message({ ref: string(1), path: string(2) });
export const StatFileResponse = message({ stat: field(1, Stat) });

export const EvaluateRequest = message({ ref: string(1) });
export const WarnRequest = message({
  digest: string(1),
  level: int64(2),
  short: bytes(3),
  detail: repeated(4, BYTES),
  url: string(5),
  info: field(6, SourceInfo),
  ranges: repeated(7, Range),
});
