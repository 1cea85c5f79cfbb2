import type { Clock } from "../../base/clock.ts";
import type { Logger } from "../../base/logger.ts";
import type { ContainersDeps } from "../../containers/deps.ts";
import type { Networks } from "../../networks/networks.ts";
import type { HostFacts } from "../../runtime/plan/plan-input.ts";
import type { RootMount, Snapshots } from "../../storage/snapshots/snapshots.ts";
import type { Layers } from "../layers/layers.ts";

export interface RunnerDeps {
  layers: Pick<Layers, "change">;
  snapshots: Pick<
    Snapshots,
    "prepare" | "mounts" | "view" | "remove" | "readFile" | "mountPoints" | "listActive" | "directoryUsage"
  >;
  launcher: Pick<ContainersDeps["launcher"], "launch" | "adopt" | "list" | "forget" | "exitRecordPath">;
  planner: Pick<ContainersDeps["planner"], "container" | "resolveUser" | "validate">;
  cgroups: Pick<ContainersDeps["cgroups"], "ensureParent" | "end">;
  networks: Pick<Networks, "attach" | "detach" | "loopbackMessages">;
  host: HostFacts;
  hostFiles: Pick<ContainersDeps["hostFiles"], "hostname" | "hosts" | "resolvConf">;
  defaults: Pick<ContainersDeps["defaults"], "cgroupParent" | "dns" | "shmSizeBytes" | "ulimits" | "securityOptions">;
  /** Processes and threads of one step at most, so that a fork bomb leaves the host what it takes to end it. */
  stepTasks: number;
  /** `storage/snapshots/copy-up`: fills an empty directory with what a view shows at a path. False: there is no such directory. */
  copyUp: (view: RootMount, path: string, destination: string) => Promise<boolean>;
  /** Deletes everything below a directory, whatever it holds, away from the event loop. */
  sweep: (directory: string) => Promise<unknown>;
  paths: {
    /** `<data root>/builder/mounts`: what cache mounts keep. Made if missing. */
    cacheMounts: string;
    /** `<exec root>/builds`: what a step has on the host while it runs. Made if missing. */
    running: string;
    /** Empty directory over which each root is mounted, in its own mount namespace: the containers'. */
    rootMountPoint: string;
    /** `<exec root>/build-mounts`: empty directories for the same use, for what mounts show. Made if missing. */
    backings: string;
  };
  /** Handlers of the kernel for programs of other machines, as texts of /proc/sys/fs/binfmt_misc. */
  programHandlers: () => string[];
  /** The host's device specifications: files of /etc/cdi and /var/run/cdi. */
  deviceSpecs: () => string[];
  clock: Clock;
  logger: Logger;
  randomId: () => string;
  failpoint: (name: string) => void;
}
