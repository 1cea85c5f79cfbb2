import { invalid } from "../../../base/errors.ts";
import type { Builder, CacheRecord } from "../../../builder/builder.ts";
import {
  CONTROL,
  DiskUsageRequest,
  DiskUsageResponse,
  PruneRequest,
  UsageRecord,
} from "../../../wire/buildkit/control.ts";
import type { MessageOf } from "../../../wire/protobuf/message.ts";
import { type CallHandler, serverStream, unary } from "../../grpc/server.ts";
import { optionalTimestamp, timestamp } from "../buildkit/encode-status.ts";

/** What BuildKit's Control service tells of the cache. */
export function cacheServices(builder: Builder): [string, CallHandler][] {
  return [
    [
      `${CONTROL}DiskUsage`,
      unary({ input: DiskUsageRequest, output: DiskUsageResponse }, async ({ filter }) => {
        const wanted = Object.entries(decodeFilters(filter));
        const records = (await builder.cache()).filter((record) => wanted.every((one) => matches(record, one)));
        return { record: records.map(encodeUsage) };
      }),
    ],
    [
      `${CONTROL}Prune`,
      serverStream({ input: PruneRequest, output: UsageRecord }, async function* prune(request) {
        const { removed } = await builder.prune(pruneOptions(request));
        yield* removed.map(encodeUsage);
      }),
    ],
  ];
}

/** containerd's filters, as far as buildx makes them: `id==x`, `type==regular`, `inuse`. Throws invalid-argument for others. */
function decodeFilters(filters: string[]): Record<string, string[]> {
  const result: Record<string, string[]> = {};
  for (const term of filters.flatMap((filter) => filter.split(","))) {
    const match = /^(id|parents|type|description|inuse|shared|private)(?:==(.*))?$/.exec(term);
    if (match === null) throw invalid(`invalid filter ${JSON.stringify(term.slice(0, 256))}`);
    (result[match[1] ?? ""] ??= []).push((match[2] ?? "true").replace(/^"(.*)"$/, "$1"));
  }
  return result;
}

function matches(record: CacheRecord, [name, values]: [string, string[]]): boolean {
  const actual: Record<string, string[]> = {
    id: [record.id],
    parents: record.parents,
    type: [record.type],
    description: [record.description],
    inuse: [String(record.inUse)],
    shared: [String(record.shared)],
    private: [String(!record.shared)],
  };
  return values.some((value) => actual[name]?.includes(value));
}

function pruneOptions(request: MessageOf<typeof PruneRequest>): Parameters<Builder["prune"]>[0] {
  const filters = decodeFilters(request.filter);
  const seconds = Math.ceil(request.keepDuration / 1e9);
  const keep = request.reservedSpace || request.maxUsedSpace;
  return {
    all: request.all,
    filters: seconds > 0 ? { ...filters, until: [`${seconds}s`] } : filters,
    keepStorageBytes: keep > 0 ? keep : undefined,
  };
}

function encodeUsage(record: CacheRecord): MessageOf<typeof UsageRecord> {
  return UsageRecord.create({
    id: record.id,
    mutable: record.type === "exec.cachemount" || record.type === "source.local",
    inUse: record.inUse,
    size: record.sizeBytes,
    createdAt: timestamp(record.createdAt),
    lastUsedAt: optionalTimestamp(record.lastUsedAt),
    usageCount: record.usageCount,
    description: record.description,
    recordType: record.type,
    shared: record.shared,
    parents: record.parents,
  });
}
