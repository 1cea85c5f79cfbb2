import { BYTES, field, int64, map, message, type MessageOf, repeated, STRING, string } from "../protobuf/message.ts";

/** Of an operation: what it needs of an engine, and the like. Nothing of it is read here. */
const OperationMetadata = message({ description: map(2, STRING) });

/**
 * As much of BuildKit's build definitions (LLB) as it takes to name one source. Operations are encoded, and known by the digest of
 * their bytes; the last one only points to the result of the graph. Each has an entry in `metadata`, or clients refuse it.
 * @see BuildKit solver/pb/ops.proto, client/llb/definition.go
 */
export const Definition = message({ operations: repeated(1, BYTES), metadata: map(2, OperationMetadata) });
export type Definition = MessageOf<typeof Definition>;

export const SourceOp = message({ identifier: string(1), attributes: map(2, STRING) });
const OperationInput = message({ digest: string(1), index: int64(2) });
export const Operation = message({ inputs: repeated(1, OperationInput), source: field(3, SourceOp) });
