import { openSync, realpathSync } from "node:fs";
import { hostname } from "node:os";
import { conflict } from "../base/errors.ts";
import { readHostFile } from "../containers/container-files.ts";
import type { ContainersDeps } from "../containers/deps.ts";
import { closeFd } from "../kernel/files.ts";
import { propagationOf } from "../kernel/mount-table.ts";
import { openPidfd, processStatus } from "../kernel/process.ts";
import { runProgram } from "../kernel/run-program.ts";

type HostAccess = Pick<
  ContainersDeps,
  "openPidfd" | "openHostMounts" | "sourceMount" | "closeFd" | "processStatus" | "ps" | "hostFiles"
>;

/** What containers ask of the host's processes and files. */
export function hostAccess(): HostAccess {
  return {
    openPidfd(pid, startTicks) {
      const fd = openPidfd({ pid, startTicks });
      if (fd === undefined) throw conflict(`process ${pid} is not running`);
      return fd;
    },
    openHostMounts: () => openSync("/proc/self/ns/mnt", "r"),
    sourceMount: (path) => propagationOf(realpathSync(path)),
    closeFd,
    processStatus,
    ps: (args) => runProgram(["ps", ...args]),
    hostFiles: {
      hostname,
      hosts: () => readHostFile("/etc/hosts"),
      resolvConf: () => readHostFile("/etc/resolv.conf"),
    },
  };
}
