import {
  bytes,
  BYTES,
  BIGINT64,
  field,
  int32,
  int64,
  map,
  message,
  type MessageOf,
  string,
  uint32,
} from "../protobuf/message.ts";

/**
 * What a build's client serves: BuildKit's session services. Message names and field numbers are the protocol's, names of fields ours.
 * @see BuildKit session/{auth,secrets,sshforward,upload,filesync}/*.proto; fsutil types/{wire,stat}.proto
 */
export const SESSION_METHODS = {
  credentials: "/moby.filesync.v1.Auth/Credentials",
  diffCopy: "/moby.filesync.v1.FileSync/DiffCopy",
  send: "/moby.filesync.v1.FileSend/DiffCopy",
  getSecret: "/moby.buildkit.secrets.v1.Secrets/GetSecret",
  checkAgent: "/moby.sshforward.v1.SSH/CheckAgent",
  forwardAgent: "/moby.sshforward.v1.SSH/ForwardAgent",
  pullUpload: "/moby.upload.v1.Upload/Pull",
  health: "/grpc.health.v1.Health/Check",
} as const;

export const BytesMessage = message({ data: bytes(1) });
export const Empty = message({});

export const CredentialsRequest = message({ host: string(1) });
export const CredentialsResponse = message({ username: string(1), secret: string(2) });

export const GetSecretRequest = message({ id: string(1) });
export const GetSecretResponse = message({ data: bytes(1) });

export const CheckAgentRequest = message({ id: string(1) });

export const HealthResponse = message({ status: int32(1) });
export const HEALTH_SERVING = 1;

/** Kinds of fsutil's packets. */
export const PACKET = { stat: 0, request: 1, data: 2, finished: 3, error: 4 } as const;

/** `mode` is Go's FileMode; `modTime` in nanoseconds. */
export const Stat = message({
  path: string(1),
  mode: uint32(2),
  uid: uint32(3),
  gid: uint32(4),
  size: int64(5),
  modTime: field(6, BIGINT64),
  linkName: string(7),
  deviceMajor: int64(8),
  deviceMinor: int64(9),
  xattrs: map(10, BYTES),
});
export type Stat = MessageOf<typeof Stat>;

/** `id` counts the entries of the sender, from 0. A stat packet without `stat` ends the list. */
export const Packet = message({ type: int32(1), stat: field(2, Stat), id: uint32(3), data: bytes(4) });
export type Packet = MessageOf<typeof Packet>;
