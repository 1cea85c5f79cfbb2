import {
  bool,
  BYTES,
  bytes,
  field,
  map,
  message,
  type MessageOf,
  repeated,
  STRING,
  string,
} from "../protobuf/message.ts";
import { CacheEntry, RpcStatus, WorkerRecord } from "./control.ts";

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

export const EvaluateRequest = message({ ref: string(1) });
