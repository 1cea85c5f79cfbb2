import { expect, test } from "bun:test";
import { formatPlan } from "./format-plan.ts";
import { at } from "./launch-plan.ts";

test("a plan reads as one line for each operation", () => {
  const operations = [
    at("prepare", "mkdir", { path: "/sys/fs/cgroup/memory/gantry/x", mode: 0o755 }),
    at("prepare", "write-file", { path: "/sys/fs/cgroup/x", data: "1\n", optional: true }),
    at("clone", "clone", { namespaces: ["pid", "mnt"], cgroup: "/sys/fs/cgroup/g" }),
    at("enter", "mount-bind", {
      source: "/src",
      target: "/dst",
      recursive: false,
      attributes: { readOnly: true },
      propagation: "rprivate",
    }),
    at("enter", "mount-fs", {
      fstype: "tmpfs",
      source: "tmpfs",
      target: "/dev",
      options: ["mode=755"],
      attributes: { noSuid: true },
    }),
    at("enter", "make-node", { target: "/dev/null", kind: "c", major: 1, minor: 3, mode: 0o666, uid: 0, gid: 5 }),
    at("enter", "make-file", { target: "/s", content: Buffer.from("secret"), mode: 0o400, uid: 1, gid: 2 }),
    at("enter", "init", {}),
    at("enter", "credentials", { uid: 1000, gid: 100, groups: [4, 5] }),
    at("enter", "exec", { argv: ["echo", "a b"], env: [] }),
  ];
  const supervise = { exitRecordPath: "/e", tty: false, stdin: false, stdinOnce: false, abandonOutput: false };
  expect(formatPlan({ id: "x", supervise, operations })).toBe(
    [
      "[0] prepare mkdir /sys/fs/cgroup/memory/gantry/x 0755",
      '[1] prepare write-file /sys/fs/cgroup/x "1\\n" (optional)',
      "[2] clone clone pid,mnt into /sys/fs/cgroup/g",
      "[3] enter mount-bind /src -> /dst ro,rprivate",
      "[4] enter mount-fs tmpfs -> /dev tmpfs mode=755,nosuid",
      "[5] enter make-node /dev/null c 1:3 0666 0:5",
      "[6] enter make-file /s 0400 1:2 6 bytes",
      "[7] enter init",
      "[8] enter credentials 1000:100 groups 4,5",
      '[9] enter exec ["echo","a b"]',
      "",
    ].join("\n"),
  );
});
