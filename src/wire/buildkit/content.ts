import { bytes, field, int32, int64, message, string } from "../protobuf/message.ts";

/**
 * Blobs that a build's client keeps: containerd's content service, as BuildKit's clients serve it for caches in directories.
 * @see containerd api/services/content/v1/content.proto; BuildKit session/content
 */
export const CONTENT_METHODS = {
  info: "/containerd.services.content.v1.Content/Info",
  read: "/containerd.services.content.v1.Content/Read",
  write: "/containerd.services.content.v1.Content/Write",
} as const;

/** Metadata that says which of the client's stores is meant. */
export const STORE_ID = "buildkit-attachable-store-id";

export const InfoRequest = message({ digest: string(1) });
const Info = message({ digest: string(1), size: int64(2) });
export const InfoResponse = message({ info: field(1, Info) });

/** `size` 0: to the end. */
export const ReadContentRequest = message({ digest: string(1), offset: int64(2), size: int64(3) });
export const ReadContentResponse = message({ offset: int64(1), data: bytes(2) });

export const WRITE_ACTION = { stat: 0, write: 1, commit: 2 } as const;
export const WriteContentRequest = message({
  action: int32(1),
  ref: string(2),
  total: int64(3),
  expected: string(4),
  offset: int64(5),
  data: bytes(6),
});
export const WriteContentResponse = message({ action: int32(1), offset: int64(4), total: int64(5), digest: string(6) });
