import { readFileSync } from "node:fs";

/** Shows what the machine is: its controllers, its kernel, and that the foreign function interface works. */
console.log("controllers", readFileSync("/sys/fs/cgroup/cgroup.controllers", "utf8").trim());
console.log("filesystems", /\boverlay\b/.test(readFileSync("/proc/filesystems", "utf8")));
console.log("kernel", readFileSync("/proc/sys/kernel/osrelease", "utf8").trim());
console.log("apparmor", readFileSync("/sys/module/apparmor/parameters/enabled", "utf8").trim());
