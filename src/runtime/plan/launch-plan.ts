/**
 * The launch plan: everything the launcher does to start one task (a container's first process, or an exec), as a flat list of
 * kernel operations. TypeScript decides, the launcher performs in order and reports the index of the one that failed.
 *
 * Stages, in the order in which they run:
 * - `prepare`  launcher, host namespaces, before the child exists (cgroup directories and limits);
 * - `clone`    exactly one: makes the child;
 * - `attend`   launcher, while the child waits at its `await-attend` (host side of the veth pair, v1 cgroup membership);
 * - `enter`    the child, up to and including `exec`;
 * - `cleanup`  launcher, after the child and its output have ended, before `exited` is reported. Failures are ignored.
 */
export interface LaunchPlan {
  /** 64 characters: the container's ID, the exec's, or `build-…` of a build step. */
  id: string;
  supervise: Supervise;
  operations: StagedOperation[];
}

export type Stage = "prepare" | "clone" | "attend" | "enter" | "cleanup";
export type StagedOperation = {
  [K in keyof OperationArgs]: { stage: Stage; op: K } & OperationArgs[K];
}[keyof OperationArgs];

/** What the launcher does for as long as the task lives. */
export interface Supervise {
  /** Absolute path; written as text lines `key value`: `code`, `signal`, `oom`, `finished_ns`, `log_dropped_bytes`; by rename. */
  exitRecordPath: string;
  /** Docker json-file log; undefined: no log. Rotated to `<path>.1` … `<path>.<maxFiles-1>` when a line would pass `maxBytes`. */
  log?: { path: string; maxBytes: number; maxFiles: number };
  /** The task has a terminal (its `terminal` operation hands the master to the launcher); else three pipes. */
  tty: boolean;
  /** Keep an input pipe open; without it the task's stdin is /dev/null. */
  stdin: boolean;
  /** Close the task's stdin when the first client that attached with input half-closes or goes. */
  stdinOnce: boolean;
  /** Directory of the memory cgroup, watched for OOM kills. */
  memoryCgroup?: { version: 1 | 2; path: string };
  /** After exit, read what is left in the pipes without waiting for their end: others may hold them (execs, host pid namespace). */
  abandonOutput: boolean;
}

/** A descriptor passed to the launcher beside the plan: index into `LaunchRequest.fds`. */
export type FdSlot = number;

export type Namespace = "pid" | "net" | "ipc" | "mnt" | "uts" | "user" | "cgroup";

export interface MountAttributes {
  readOnly?: boolean;
  noSuid?: boolean;
  noDev?: boolean;
  noExec?: boolean;
  noAtime?: boolean;
  relAtime?: boolean;
}

export type Propagation = "private" | "rprivate" | "slave" | "rslave" | "shared" | "rshared";

export interface OperationArgs {
  // --- files on the host (prepare, cleanup) ---------------------------------------------------------------------------------
  /** EEXIST is success. */
  mkdir: { path: string; mode: number };
  /** One write(2) of `data` to an existing file. `optional`: a failure becomes a warning event. In `enter`, the child's own view. */
  "write-file": { path: string; data: string; optional?: boolean };
  /** Writes the child's host pid, in decimal, to an existing file (v1 cgroup.procs). Stage attend. */
  "write-child-pid": { path: string; optional?: boolean };
  rmdir: { path: string };
  /** Attaches an eBPF device program (raw struct bpf_insn[]) to a v2 cgroup directory, BPF_F_ALLOW_MULTI. */
  "device-program": { path: string; instructions: Uint8Array };
  /** v2: writes `1` to cgroup.kill; v1: SIGKILL to every pid in cgroup.procs until it is empty. At most 2 s. Stage cleanup. */
  "kill-cgroup": { version: 1 | 2; path: string };

  // --- the child ------------------------------------------------------------------------------------------------------------
  /** New namespaces for the child. `cgroup`: v2 directory to be born in (CLONE_INTO_CGROUP). */
  clone: { namespaces: Namespace[]; cgroup?: string };
  /** Raw netlink requests (NETLINK_ROUTE), each with NLM_F_ACK, sent in one datagram; `acks` answers are read, any error fails.
   *  `childPidAt`: byte offsets of u32 fields to fill with the child's host pid (IFLA_NET_NS_PID). */
  netlink: { messages: Uint8Array; acks: number; childPidAt?: number[]; comment: string };
  /** Blocks the child until the `attend` stage is done. Its output waits in any case until the first clients are accepted. */
  "await-attend": Record<never, never>;
  /** Joins the namespaces of a pidfd (or one namespace file) passed as a descriptor. */
  setns: { fd: FdSlot; namespaces: Namespace[] };
  unshare: { namespaces: Namespace[] };
  /** After joining a pid namespace: fork, so that what follows runs inside it; the launcher reaps and reports the grandchild. */
  "enter-pid-namespace": Record<never, never>;
  "session-keyring": { name: string };

  // --- mounts (child's mount namespace, before pivot-root) --------------------------------------------------------------------
  /** Propagation of everything from `/` down. */
  "root-propagation": { propagation: Propagation };
  /** chdir(cwd), mount("overlay", target, data): paths in `data` may be relative to `cwd`, so that hundreds of layers fit a page. */
  "mount-overlay": { cwd: string; target: string; data: string };
  /** Binds a host directory to itself or elsewhere as the root to be (storage drivers without a union). */
  "mount-bind-root": { source: string; target: string };
  /** Opens the root to be (in place of an earlier one); every operation after it resolves targets with openat2(RESOLVE_IN_ROOT) in it. */
  "open-root": { path: string };
  /** A new file system mounted inside the root. The target directory is made if missing. `options`: fsconfig key or key=value. */
  "mount-fs": {
    fstype: string;
    source: string;
    target: string;
    options: string[];
    attributes: MountAttributes;
    optional?: boolean;
    /** For messages: the host path of the volume that this mount is. */
    volume?: string;
  };
  /** Bind of a host path (resolved before pivot-root). A missing target is made: directory or file as the source is. */
  "mount-bind": {
    source: string;
    /** A path beneath `source`, which must exist, be no way out of it (EXDEV) and may change while it is resolved. */
    below?: string;
    /** `source` is the root for `below`: links in it lead nowhere else, and none is an error. */
    rooted?: boolean;
    /** `source` is a path in the mount namespace of this pidfd or namespace file, instead of the child's copy of the host's. */
    from?: FdSlot;
    target: string;
    recursive: boolean;
    attributes: MountAttributes;
    propagation?: Propagation;
    /** As with `mount-fs`. */
    volume?: string;
  };
  /** Hides a path: a file under /dev/null (checked to be 1:3), a directory under an empty read-only tmpfs. Missing: nothing. */
  "mask-path": { target: string };
  /** Makes a path read-only by a bind of itself. Missing: nothing. */
  "readonly-path": { target: string };
  /** Changes the attributes of the mount at a mount point, for one that had to be written to first. */
  "mount-attributes": { target: string; attributes: MountAttributes };
  "make-dir": { target: string; mode: number; uid: number; gid: number };
  /** A new regular file with its content; EEXIST where there is something. */
  "make-file": { target: string; content: Uint8Array; mode: number; uid: number; gid: number };
  "make-symlink": { target: string; linkTarget: string };
  /** `kind` c or b. EEXIST with the same device is success. */
  "make-node": {
    target: string;
    kind: "c" | "b" | "p";
    major: number;
    minor: number;
    mode: number;
    uid: number;
    gid: number;
  };
  "pivot-root": { propagation?: Propagation };
  /** Remounts `/` with attributes (--read-only). After pivot-root. */
  "root-attributes": { attributes: MountAttributes };

  // --- the process ------------------------------------------------------------------------------------------------------------
  hostname: { name: string };
  domainname: { name: string };
  /** Writes below /proc/sys of the container; the file's file system is checked to be procfs. `key` with dots or slashes. */
  sysctl: { key: string; value: string };
  rlimit: { resource: string; soft: bigint; hard: bigint; optional?: boolean };
  "oom-score-adj": { value: number; optional?: boolean };
  /** setsid, a pty from the container's own devpts (checked), its master to the launcher, slave to 0,1,2. `console`: bind to /dev/console. */
  terminal: { rows: number; columns: number; console: boolean; uid: number };
  "no-new-privileges": Record<never, never>;
  /** Classic BPF, struct sock_filter[]. Applied after credentials if no_new_privs, before dropping capabilities otherwise. */
  seccomp: { filter: Uint8Array; flags: number };
  /** Bit n is capability n. Bounding is reduced first; the rest applies after the change of user. */
  capabilities: { bounding: bigint; permitted: bigint; effective: bigint; inheritable: bigint; ambient: bigint };
  /** setgroups, setresgid, setresuid with SECBIT_KEEP_CAPS; stdio pipes are given to uid. Then umask. */
  credentials: { uid: number; gid: number; groups: number[]; umask?: number };
  /** Made with mode 0755 if missing when `create`. The result is checked to be inside the root (getcwd starts with `/`). */
  chdir: { path: string; create: boolean };
  /** The launcher's copy stays as pid 1: forks the rest of the plan, forwards signals, reaps. */
  init: Record<never, never>;
  /** execve; a name without `/` is looked up in PATH of `env`. Must be last. */
  exec: { argv: string[]; env: string[] };
}

export type OperationName = keyof OperationArgs;

export function at<K extends OperationName>(stage: Stage, op: K, args: OperationArgs[K]): StagedOperation {
  return { stage, op, ...args } as unknown as StagedOperation;
}
