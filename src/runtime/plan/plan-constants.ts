import type { MountAttributes, Namespace, OperationArgs, Propagation } from "./launch-plan.ts";

/** Numbers of the kernel's ABI that plans are made of (include/uapi/linux: sched.h, mount.h, resource.h, stat.h). */
const CLONE_FLAGS: Record<Namespace, number> = {
  mnt: 0x0002_0000,
  cgroup: 0x0200_0000,
  uts: 0x0400_0000,
  ipc: 0x0800_0000,
  user: 0x1000_0000,
  pid: 0x2000_0000,
  net: 0x4000_0000,
};

export function namespaceFlags(namespaces: readonly Namespace[]): number {
  return namespaces.reduce((flags, namespace) => flags | CLONE_FLAGS[namespace], 0);
}

const MS_REC = 0x4000;
const PRIVATE = 1 << 18;
const SLAVE = 1 << 19;
const SHARED = 1 << 20;

export const PROPAGATION_FLAGS: Record<Propagation, number> = {
  private: PRIVATE,
  rprivate: PRIVATE | MS_REC,
  slave: SLAVE,
  rslave: SLAVE | MS_REC,
  shared: SHARED,
  rshared: SHARED | MS_REC,
};

const ATTRIBUTE_FLAGS = { readOnly: 0x1, noSuid: 0x2, noDev: 0x4, noExec: 0x8 } as const;
const ATIME_MASK = 0x70;
const NOATIME = 0x10;

/** `attr_set` and `attr_clr` of struct mount_attr. Absent attributes stay as they are; false clears. */
export function attributeFlags(attributes: MountAttributes): { set: number; clear: number } {
  let set = 0;
  let clear = 0;
  for (const [name, flag] of Object.entries(ATTRIBUTE_FLAGS)) {
    const wanted = attributes[name as keyof typeof ATTRIBUTE_FLAGS];
    if (wanted === true) set |= flag;
    if (wanted === false) clear |= flag;
  }
  if (attributes.noAtime === true || attributes.relAtime === true) clear |= ATIME_MASK;
  if (attributes.noAtime === true) set |= NOATIME;
  return { set, clear };
}

export const NODE_TYPES: Record<OperationArgs["make-node"]["kind"], number> = { c: 0o020000, b: 0o060000, p: 0o010000 };

const RESOURCES = [
  "cpu",
  "fsize",
  "data",
  "stack",
  "core",
  "rss",
  "nproc",
  "nofile",
  "memlock",
  "as",
  "locks",
  "sigpending",
  "msgqueue",
  "nice",
  "rtprio",
  "rttime",
];

/** `nofile` or `RLIMIT_NOFILE`. Throws RangeError on a name that the kernel does not have. */
export function resourceNumber(name: string): number {
  const number = RESOURCES.indexOf(name.toLowerCase().replace(/^rlimit_/, ""));
  if (number < 0) throw new RangeError(`unknown resource limit: ${name}`);
  return number;
}
