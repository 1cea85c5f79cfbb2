import type { LaunchPlan, MountAttributes, OperationArgs, OperationName, StagedOperation } from "./launch-plan.ts";

/** The plan as text, one operation a line: `[3] enter mount-bind /src -> /dst ro,rprivate`. For people and golden tests. */
export function formatPlan(plan: LaunchPlan): string {
  return plan.operations.map((operation, index) => `[${index}] ${formatOperation(operation)}\n`).join("");
}

export function formatOperation<K extends OperationName>(operation: StagedOperation & { op: K }): string {
  const format: Formatter<K> = FORMATTERS[operation.op];
  const text = format(operation as unknown as OperationArgs[K]);
  return text === "" ? `${operation.stage} ${operation.op}` : `${operation.stage} ${operation.op} ${text}`;
}

type Formatter<K extends OperationName> = (args: OperationArgs[K]) => string;

const FORMATTERS: { [K in OperationName]: Formatter<K> } = {
  mkdir: (a) => `${a.path} ${octal(a.mode)}`,
  "write-file": (a) => words(a.path, JSON.stringify(a.data), optional(a)),
  "write-child-pid": (a) => words(a.path, optional(a)),
  rmdir: (a) => a.path,
  "device-program": (a) => `${a.path} ${a.instructions.length / 8} instructions`,
  "kill-cgroup": (a) => `v${a.version} ${a.path}`,
  clone: (a) => words(a.namespaces.join(","), a.cgroup === undefined ? "" : `into ${a.cgroup}`),
  netlink: (a) => a.comment,
  "await-attend": () => "",
  setns: (a) => `fd ${a.fd} ${a.namespaces.join(",")}`,
  unshare: (a) => a.namespaces.join(","),
  "enter-pid-namespace": () => "",
  "session-keyring": (a) => a.name,
  "root-propagation": (a) => a.propagation,
  "mount-overlay": (a) => `${a.target} in ${a.cwd}: ${a.data}`,
  "mount-bind-root": (a) => `${a.source} -> ${a.target}`,
  "open-root": (a) => a.path,
  "mount-fs": (a) =>
    words(`${a.source} -> ${a.target}`, a.fstype, join(a.options, attributes(a.attributes)), optional(a)),
  "mount-bind": (a) =>
    words(
      a.from === undefined ? "" : `from fd ${a.from}`,
      a.source,
      a.below === undefined ? "" : `${a.rooted === true ? "rooted" : "below"} ${a.below}`,
      `-> ${a.target}`,
      join(a.recursive ? ["rbind"] : [], attributes(a.attributes), a.propagation === undefined ? [] : [a.propagation]),
    ),
  "mask-path": (a) => a.target,
  "readonly-path": (a) => a.target,
  "mount-attributes": (a) => words(a.target, join(attributes(a.attributes))),
  "make-dir": (a) => `${a.target} ${owned(a)}`,
  // The content may be a secret.
  "make-file": (a) => `${a.target} ${owned(a)} ${a.content.length} bytes`,
  "make-symlink": (a) => `${a.target} -> ${a.linkTarget}`,
  "make-node": (a) => `${a.target} ${a.kind} ${a.major}:${a.minor} ${owned(a)}`,
  "pivot-root": (a) => a.propagation ?? "",
  "root-attributes": (a) => join(attributes(a.attributes)),
  hostname: (a) => a.name,
  domainname: (a) => a.name,
  sysctl: (a) => `${a.key}=${a.value}`,
  rlimit: (a) => words(a.resource, `${a.soft}:${a.hard}`, optional(a)),
  "oom-score-adj": (a) => words(String(a.value), optional(a)),
  terminal: (a) => words(`${a.rows}x${a.columns}`, `uid ${a.uid}`, a.console ? "console" : ""),
  "no-new-privileges": () => "",
  seccomp: (a) => `${a.filter.length / 8} instructions, flags ${a.flags}`,
  capabilities: (a) =>
    [a.bounding, a.permitted, a.effective, a.inheritable, a.ambient].map((set) => set.toString(16)).join(" "),
  credentials: (a) =>
    words(
      `${a.uid}:${a.gid}`,
      a.groups.length === 0 ? "" : `groups ${a.groups.join(",")}`,
      a.umask === undefined ? "" : `umask ${octal(a.umask)}`,
    ),
  chdir: (a) => words(a.path, a.create ? "create" : ""),
  init: () => "",
  exec: (a) => JSON.stringify(a.argv),
};

function words(...parts: string[]): string {
  return parts.filter((part) => part !== "").join(" ");
}

function join(...lists: string[][]): string {
  return lists.flat().join(",");
}

function octal(mode: number): string {
  return `0${mode.toString(8)}`;
}

function owned({ mode, uid, gid }: { mode: number; uid: number; gid: number }): string {
  return `${octal(mode)} ${uid}:${gid}`;
}

function optional({ optional: may }: { optional?: boolean }): string {
  return may === true ? "(optional)" : "";
}

const WORDS: [keyof MountAttributes, string, string][] = [
  ["readOnly", "ro", "rw"],
  ["noSuid", "nosuid", "suid"],
  ["noDev", "nodev", "dev"],
  ["noExec", "noexec", "exec"],
  ["noAtime", "noatime", "atime"],
  ["relAtime", "relatime", "norelatime"],
];

function attributes(given: MountAttributes): string[] {
  return WORDS.flatMap(([name, yes, no]) => (given[name] === undefined ? [] : [given[name] ? yes : no]));
}
