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
import { CacheEntry, Platform, RpcStatus, WorkerRecord } from "./control.ts";
import { Definition, SourceOp } from "./definition.ts";
import { Stat } from "./session.ts";

/** Messages of BuildKit's LLBBridge service. @see BuildKit frontend/gateway/pb/gateway.proto, util/apicaps/pb/caps.proto */
export const BRIDGE = "/moby.buildkit.v1.frontend.LLBBridge/";

export const ApiCapability = message({ id: string(1), enabled: bool(2) });
export const PongResponse = message({
  frontendCapabilities: repeated(1, ApiCapability),
  llbCapabilities: repeated(2, ApiCapability),
  workers: repeated(3, WorkerRecord),
});

/** `definition`: what stands for the result where it goes into another build. */
export const Ref = message({ id: string(1), definition: field(2, Definition) });
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
  /** Contexts that are LLB, by the name that an option `context:…` gives them: `input:NAME`. */
  inputs: map(13, Definition),
  evaluate: bool(14),
});
export const BridgeSolveResponse = message({ result: field(3, Result) });

export const ReturnRequest = message({ result: field(1, Result), error: field(2, RpcStatus) });

export const EvaluateRequest = message({ ref: string(1) });

/** `range` absent, or its length 0: to the end. */
export const ReadFileRequest = message({
  ref: string(1),
  path: string(2),
  range: field(3, message({ offset: int64(1), length: int64(2) })),
});
export const ReadFileResponse = message({ data: bytes(1) });
export const ReadDirectoryRequest = message({ ref: string(1), path: string(2), pattern: string(3) });
export const ReadDirectoryResponse = message({ entries: repeated(1, Stat) });
export const StatFileRequest = message({ ref: string(1), path: string(2) });
export const StatFileResponse = message({ stat: field(1, Stat) });

/** `mode`: `default`, `pull` or `local`. */
export const ResolveImageRequest = message({ ref: string(1), platform: field(2, Platform), mode: string(3) });
export const ResolveImageResponse = message({ digest: string(1), config: bytes(2), ref: string(3) });
export const ResolveSourceRequest = message({
  source: field(1, SourceOp),
  platform: field(2, Platform),
  mode: string(4),
});
export const ResolveSourceResponse = message({
  source: field(1, SourceOp),
  image: field(2, message({ digest: string(1), config: bytes(2) })),
});
