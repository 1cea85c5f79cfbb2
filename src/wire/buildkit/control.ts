import {
  bool,
  BYTES,
  bytes,
  field,
  int32,
  int64,
  map,
  message,
  type MessageOf,
  repeated,
  STRING,
  string,
} from "../protobuf/message.ts";
import { Definition } from "./definition.ts";

/** Messages of BuildKit's Control service. @see BuildKit api/services/control/control.proto, api/types/worker.proto */
export const CONTROL = "/moby.buildkit.v1.Control/";

/** google.protobuf.Timestamp. */
export const Timestamp = message({ seconds: int64(1), nanos: int32(2) });

export const Position = message({ line: int32(1), character: int32(2) });
export const Range = message({ start: field(1, Position), end: field(2, Position) });
export const SourceInfo = message({ filename: string(1), data: bytes(2), language: string(4) });

export const Vertex = message({
  digest: string(1),
  inputs: repeated(2, STRING),
  name: string(3),
  cached: bool(4),
  started: field(5, Timestamp),
  completed: field(6, Timestamp),
  error: string(7),
});

export const VertexStatus = message({
  id: string(1),
  vertex: string(2),
  name: string(3),
  current: int64(4),
  total: int64(5),
  timestamp: field(6, Timestamp),
  started: field(7, Timestamp),
  completed: field(8, Timestamp),
});

export const VertexLog = message({
  vertex: string(1),
  timestamp: field(2, Timestamp),
  stream: int64(3),
  msg: bytes(4),
});

export const VertexWarning = message({
  vertex: string(1),
  level: int64(2),
  short: bytes(3),
  detail: repeated(4, BYTES),
  url: string(5),
  info: field(6, SourceInfo),
  ranges: repeated(7, Range),
});

export const StatusRequest = message({ ref: string(1) });
export const StatusResponse = message({
  vertexes: repeated(1, Vertex),
  statuses: repeated(2, VertexStatus),
  logs: repeated(3, VertexLog),
  warnings: repeated(4, VertexWarning),
});
export type StatusResponse = MessageOf<typeof StatusResponse>;

export const CacheEntry = message({ type: string(1), attributes: map(2, STRING) });
export const CacheOptions = message({ exports: repeated(4, CacheEntry), imports: repeated(5, CacheEntry) });
export const Exporter = message({ type: string(1), attributes: map(2, STRING), id: string(3) });

export const SolveRequest = message({
  ref: string(1),
  /** LLB of a foreign frontend; its bytes only. */
  definition: bytes(2),
  exporter: string(3),
  exporterAttributes: map(4, STRING),
  session: string(5),
  frontend: string(6),
  frontendAttributes: map(7, STRING),
  cache: field(8, CacheOptions),
  entitlements: repeated(9, STRING),
  inputs: map(10, Definition),
  internal: bool(11),
  exporters: repeated(13, Exporter),
});
export type SolveRequest = MessageOf<typeof SolveRequest>;
export const SolveResponse = message({ exporterResponse: map(1, STRING) });

export const UsageRecord = message({
  id: string(1),
  mutable: bool(2),
  inUse: bool(3),
  size: int64(4),
  createdAt: field(6, Timestamp),
  lastUsedAt: field(7, Timestamp),
  usageCount: int64(8),
  description: string(9),
  recordType: string(10),
  shared: bool(11),
  parents: repeated(12, STRING),
});
export const DiskUsageRequest = message({ filter: repeated(1, STRING) });
export const DiskUsageResponse = message({ record: repeated(1, UsageRecord) });

/** `keepDuration` in nanoseconds; `reservedSpace`: kept at least, `maxUsedSpace`: the cache may take no more. In bytes. */
export const PruneRequest = message({
  filter: repeated(1, STRING),
  all: bool(2),
  keepDuration: int64(3),
  reservedSpace: int64(4),
  maxUsedSpace: int64(5),
  minFreeSpace: int64(6),
});

export const Platform = message({ architecture: string(1), os: string(2), variant: string(3) });
export const BuildkitVersion = message({ package: string(1), version: string(2), revision: string(3) });
export const WorkerRecord = message({
  id: string(1),
  labels: map(2, STRING),
  platforms: repeated(3, Platform),
  buildkitVersion: field(5, BuildkitVersion),
});
export const ListWorkersResponse = message({ record: repeated(1, WorkerRecord) });
export const InfoResponse = message({ buildkitVersion: field(1, BuildkitVersion) });

/** google.rpc.Status. */
export const RpcStatus = message({ code: int32(1), message: string(2) });

export const HistoryRequest = message({
  activeOnly: bool(1),
  ref: string(2),
  earlyExit: bool(3),
  filter: repeated(4, STRING),
  limit: int32(5),
});
export const HistoryRecord = message({
  ref: string(1),
  frontend: string(2),
  frontendAttributes: map(3, STRING),
  error: field(5, RpcStatus),
  createdAt: field(6, Timestamp),
  completedAt: field(7, Timestamp),
  exporterResponse: map(9, STRING),
  pinned: bool(14),
  numCachedSteps: int32(15),
  numTotalSteps: int32(16),
  numCompletedSteps: int32(17),
  numWarnings: int32(19),
});
export const HISTORY_EVENT = { started: 0, complete: 1, deleted: 2 } as const;
export const HistoryEvent = message({ type: int32(1), record: field(2, HistoryRecord) });
export const UpdateHistoryRequest = message({ ref: string(1), pinned: bool(2), delete: bool(3), finalize: bool(4) });
