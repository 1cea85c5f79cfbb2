import { withDefaultUlimits } from "../../containers/apply-defaults.ts";
import type { EtcTexts } from "../../containers/etc-files.ts";
import { cgroupParent, inMountOrder } from "../../containers/launch-input.ts";
import { defaultCgroupNamespace } from "../../containers/namespaces.ts";
import type { Sandbox } from "../../networks/networks.ts";
import { NO_LIMITS } from "../../runtime/cgroups/effective-resources.ts";
import { buildEnvironment } from "../../runtime/environment.ts";
import type {
  BackingFile,
  ContainerPlanInput,
  MountInput,
  ResolvedUser,
  ResourcesSpec,
  SecuritySpec,
} from "../../runtime/plan/plan-input.ts";
import type { RootMount } from "../../storage/snapshots/snapshots.ts";
import type { BuildResources, RunOp } from "../graph.ts";
import type { RunnerDeps } from "./deps.ts";
import { FILES_BACKING, type OpenedMounts } from "./mounts/opened-mounts.ts";

/** What is known of a step when it is planned. */
export interface PlannedStep {
  id: string;
  op: RunOp;
  resources: BuildResources;
  user: ResolvedUser;
  root: RootMount;
  /** undefined: no network, or the host's. */
  sandbox: Sandbox | undefined;
  hostname: string;
  etc: EtcTexts;
  opened: OpenedMounts;
  devices: ResourcesSpec["devices"];
}

type PlanDeps = Pick<RunnerDeps, "host" | "defaults" | "paths" | "stepTasks"> & {
  launcher: Pick<RunnerDeps["launcher"], "exitRecordPath">;
  networks: Pick<RunnerDeps["networks"], "loopbackMessages">;
};

const PAGE_BYTES = 4096;
const SAFE = { noSuid: true, noDev: true, noExec: true };

/** A step as a container: with Docker's defaults for a container, unless it is `--security=insecure`. Pure. */
export function stepPlanInput(step: PlannedStep, deps: PlanDeps): ContainerPlanInput {
  const { id, op, opened, root, user } = step;
  const isPrivileged = op.security === "insecure";
  const etc = etcFiles(step.etc);
  const files = [...opened.files, ...etc.files];
  const { backings, rootMountPoint } = deps.paths;
  return {
    id,
    host: deps.host,
    supervise: {
      exitRecordPath: deps.launcher.exitRecordPath(id),
      tty: false,
      stdin: op.stdin !== undefined,
      stdinOnce: op.stdin !== undefined,
      abandonOutput: false,
    },
    rootfs: root.kind === "overlay" ? { kind: "overlay", cwd: root.cwd, data: root.data } : root,
    rootMountPoint,
    namespaces: {
      pid: "new",
      ipc: "new",
      uts: "new",
      net: op.network === "host" ? "host" : "new",
      cgroup: defaultCgroupNamespace(deps.host, isPrivileged),
    },
    ...networkOf(step, deps),
    hostname: step.hostname,
    domainname: "",
    backings: {
      place: backings,
      inputs: [...opened.backings, { kind: "files", name: FILES_BACKING, sizeBytes: sizeOf(files), files }],
    },
    mounts: inMountOrder([...etc.mounts(`${backings}/${FILES_BACKING}`, opened.mounts), ...opened.mounts]),
    security: securityOf(op, deps),
    resources: { ...resourcesOf(op, step.resources, deps), devices: step.devices },
    sysctls: {},
    shmSizeBytes: op.shmSizeBytes || deps.defaults.shmSizeBytes,
    ipc: "own",
    oomScoreAdj: 0,
    process: {
      argv: op.argv,
      environment: buildEnvironment({ environment: [...op.environment, ...opened.environment], home: user.home }),
      workingDir: op.workingDirectory || "/",
      user,
      tty: false,
      consoleSize: [0, 0],
      init: false,
    },
    cgroupPath: `${cgroupParent(op.cgroupParent, deps.defaults.cgroupParent)}/${id}`,
  };
}

export function securityOf(
  { security }: Pick<RunOp, "security">,
  { defaults }: Pick<RunnerDeps, "defaults">,
): SecuritySpec {
  const isPrivileged = security === "insecure";
  return {
    privileged: isPrivileged,
    capAdd: [],
    capDrop: [],
    securityOptions: isPrivileged ? [] : defaults.securityOptions,
    readOnlyRootfs: false,
    groupAdd: [],
    maskedPaths: null,
    readonlyPaths: null,
  };
}

export function resourcesOf(
  op: Pick<RunOp, "resources" | "ulimits">,
  resources: BuildResources,
  { defaults, stepTasks }: Pick<RunnerDeps, "defaults" | "stepTasks">,
): ResourcesSpec {
  const ulimits = withDefaultUlimits(op.ulimits, defaults.ulimits);
  return { ...NO_LIMITS, pidsLimit: stepTasks, ...op.resources, ...resources, ulimits };
}

function networkOf({ op, sandbox }: PlannedStep, deps: PlanDeps): Pick<ContainerPlanInput, "network"> {
  if (sandbox !== undefined) {
    return { network: { host: sandbox.hostMessages, container: sandbox.containerMessages } };
  }
  return op.network === "none" ? { network: { container: deps.networks.loopbackMessages() } } : {};
}

/** In memory, and outside of the layer; a mount of the user's at the same place wins. */
function etcFiles({ hostname, hosts, resolvConf }: EtcTexts) {
  const texts: Record<string, string> = { "resolv.conf": resolvConf, hostname, hosts };
  const files = Object.entries(texts).map(
    ([name, text]): BackingFile => ({ name, content: Buffer.from(text), mode: 0o644, uid: 0, gid: 0 }),
  );
  const mounts = (place: string, others: MountInput[]): MountInput[] =>
    Object.keys(texts).flatMap((name): MountInput[] => {
      const destination = `/etc/${name}`;
      if (others.some((other) => other.destination === destination)) return [];
      const source = `${place}/${name}`;
      return [{ kind: "bind", source, destination, recursive: false, attributes: SAFE, propagation: "rprivate" }];
    });
  return { files, mounts };
}

function sizeOf(files: BackingFile[]): number {
  return files.reduce((total, { content }) => total + Math.ceil(content.length / PAGE_BYTES) * PAGE_BYTES, 0);
}
