import type { LaunchPlan, OperationArgs, OperationName, Stage, Supervise } from "./launch-plan.ts";
import { attributeFlags, NODE_TYPES, namespaceFlags, PROPAGATION_FLAGS, resourceNumber } from "./plan-constants.ts";
import { PlanWriter } from "./plan-writer.ts";

/** The launcher refuses more (`MAX_PLAN_BYTES` in launcher.h). */
export const MAX_PLAN_BYTES = 8 * 1024 * 1024;

const MAGIC = 0x314c5047;
const STAGES: Record<Stage, number> = { prepare: 0, clone: 1, attend: 2, enter: 3, cleanup: 4 };
/** In place of an FdSlot: none. */
const NO_SLOT = 0xffff_ffff;
const DEFAULT_UMASK = 0o022;

/** What the launcher must know beside the plan. `awaitedClients`: connections that wait in the socket's backlog already. */
export interface Delivery {
  awaitedClients: number;
  fdCount: number;
}

/** The plan as the launcher reads it. Throws RangeError if it is too large or holds a NUL in a string. */
export function encodePlan(plan: LaunchPlan, delivery: Delivery): Buffer {
  const writer = new PlanWriter().u32(MAGIC);
  const whole = writer.open();
  encodeSupervise(writer, plan.supervise, delivery);
  writer.u32(plan.operations.length);
  for (const operation of plan.operations) encodeOperation(writer, operation);
  writer.close(whole);
  const bytes = writer.finish();
  if (bytes.length > MAX_PLAN_BYTES) throw new RangeError(`a launch plan of ${bytes.length} bytes is too large`);
  return bytes;
}

function encodeSupervise(writer: PlanWriter, supervise: Supervise, delivery: Delivery): void {
  const { log, memoryCgroup } = supervise;
  writer
    .string(supervise.exitRecordPath)

    .string(log?.path ?? "");
  writer.u64(BigInt(Math.max(0, log?.maxBytes ?? 0))).u32(Math.max(1, log?.maxFiles ?? 1));
  writer.u32(
    (supervise.tty ? 1 : 0) |
      (supervise.stdin ? 2 : 0) |
      (supervise.stdinOnce ? 4 : 0) |
      (supervise.abandonOutput ? 8 : 0),
  );
  writer.u32(memoryCgroup?.version ?? 0).string(memoryCgroup?.path ?? "");
  writer.u32(delivery.awaitedClients).u32(delivery.fdCount);
}

function encodeOperation<K extends OperationName>(
  writer: PlanWriter,
  operation: { op: K; stage: Stage } & OperationArgs[K],
): void {
  const encoder: Encoder<K> = ENCODERS[operation.op];
  writer.u32(encoder.code).u32(STAGES[operation.stage]);
  const body = writer.open();
  encoder.encode(writer, operation);
  writer.close(body);
}

interface Encoder<K extends OperationName> {
  /** Index in `operation_kinds` of native/launcher/operations.c, which also names the fields. */
  code: number;
  encode: (writer: PlanWriter, args: OperationArgs[K]) => void;
}

const ENCODERS: { [K in OperationName]: Encoder<K> } = {
  mkdir: { code: 0, encode: (w, a) => w.string(a.path).u32(a.mode) },
  "write-file": { code: 1, encode: (w, a) => w.string(a.path).bytes(Buffer.from(a.data)).flag(a.optional) },
  "write-child-pid": { code: 2, encode: (w, a) => w.string(a.path).flag(a.optional) },
  rmdir: { code: 3, encode: (w, a) => w.string(a.path) },
  "device-program": { code: 4, encode: (w, a) => w.string(a.path).bytes(a.instructions) },
  "kill-cgroup": { code: 5, encode: (w, a) => w.u32(a.version).string(a.path) },
  clone: { code: 6, encode: (w, a) => w.u32(namespaceFlags(a.namespaces)).string(a.cgroup ?? "") },
  netlink: {
    code: 7,
    encode: (w, a) =>
      w
        .bytes(a.messages)
        .u32(a.acks)
        .bytes(u32Array(a.childPidAt ?? []))
        .string(a.comment),
  },
  "await-attend": { code: 8, encode: () => undefined },
  setns: { code: 9, encode: (w, a) => w.u32(a.fd).u32(namespaceFlags(a.namespaces)) },
  unshare: { code: 10, encode: (w, a) => w.u32(namespaceFlags(a.namespaces)) },
  "enter-pid-namespace": { code: 11, encode: () => undefined },
  "session-keyring": { code: 12, encode: (w, a) => w.string(a.name) },
  "root-propagation": { code: 13, encode: (w, a) => w.u32(PROPAGATION_FLAGS[a.propagation]) },
  "mount-overlay": { code: 14, encode: (w, a) => w.string(a.cwd).string(a.target).string(a.data) },
  "mount-bind-root": { code: 15, encode: (w, a) => w.string(a.source).string(a.target) },
  "open-root": { code: 16, encode: (w, a) => w.string(a.path) },
  "mount-fs": {
    code: 17,
    encode: (w, a) =>
      w
        .string(a.fstype)
        .string(a.source)
        .string(a.target)
        .list(a.options)
        .u32(attributeFlags(a.attributes).set)
        .flag(a.optional),
  },
  "mount-bind": {
    code: 18,
    encode: (w, a) => {
      const { set, clear } = attributeFlags(a.attributes);
      w.string(a.source).string(a.target).flag(a.recursive).u32(set).u32(clear);
      w.u32(a.propagation === undefined ? 0 : PROPAGATION_FLAGS[a.propagation]);
      w.string(a.below ?? "");
      w.u32(a.from ?? NO_SLOT).flag(a.rooted);
    },
  },
  "mask-path": { code: 19, encode: (w, a) => w.string(a.target) },
  "readonly-path": { code: 20, encode: (w, a) => w.string(a.target) },
  "make-dir": { code: 21, encode: (w, a) => w.string(a.target).u32(a.mode).u32(a.uid).u32(a.gid) },
  "make-symlink": { code: 22, encode: (w, a) => w.string(a.target).string(a.linkTarget) },
  "make-node": {
    code: 23,
    encode: (w, a) =>
      w.string(a.target).u32(NODE_TYPES[a.kind]).u32(a.major).u32(a.minor).u32(a.mode).u32(a.uid).u32(a.gid),
  },
  "pivot-root": {
    code: 24,
    encode: (w, a) => w.u32(a.propagation === undefined ? 0 : PROPAGATION_FLAGS[a.propagation]),
  },
  "root-attributes": {
    code: 25,
    encode: (w, a) => {
      const { set, clear } = attributeFlags(a.attributes);
      w.u32(set).u32(clear);
    },
  },
  hostname: { code: 26, encode: (w, a) => w.string(a.name) },
  domainname: { code: 27, encode: (w, a) => w.string(a.name) },
  sysctl: { code: 28, encode: (w, a) => w.string(a.key).bytes(Buffer.from(a.value)) },
  rlimit: { code: 29, encode: (w, a) => w.u32(resourceNumber(a.resource)).u64(a.soft).u64(a.hard).flag(a.optional) },
  "oom-score-adj": { code: 30, encode: (w, a) => w.u32(a.value).flag(a.optional) },
  terminal: { code: 31, encode: (w, a) => w.u32(a.rows).u32(a.columns).flag(a.console).u32(a.uid) },
  "no-new-privileges": { code: 32, encode: () => undefined },
  seccomp: { code: 33, encode: (w, a) => w.bytes(a.filter).u32(a.flags) },
  capabilities: {
    code: 34,
    encode: (w, a) => w.u64(a.bounding).u64(a.permitted).u64(a.effective).u64(a.inheritable).u64(a.ambient),
  },
  credentials: {
    code: 35,
    encode: (w, a) =>
      w
        .u32(a.uid)
        .u32(a.gid)
        .bytes(u32Array(a.groups))
        .u32(a.umask ?? DEFAULT_UMASK),
  },
  chdir: { code: 36, encode: (w, a) => w.string(a.path).flag(a.create) },
  init: { code: 37, encode: () => undefined },
  exec: { code: 38, encode: (w, a) => w.list(a.argv).list(a.env) },
  "mount-attributes": {
    code: 39,
    encode: (w, a) => {
      const { set, clear } = attributeFlags(a.attributes);
      w.string(a.target).u32(set).u32(clear);
    },
  },
  "make-file": { code: 40, encode: (w, a) => w.string(a.target).bytes(a.content).u32(a.mode).u32(a.uid).u32(a.gid) },
};

function u32Array(values: readonly number[]): Uint8Array {
  const bytes = Buffer.alloc(values.length * 4);
  values.forEach((value, index) => bytes.writeUInt32LE(value >>> 0, index * 4));
  return bytes;
}
