import { decodeContainerSpec } from "../api/containers/decode-spec.ts";
import { messageOf } from "../base/errors.ts";
import { RUN_FLAGS } from "../cli/container/container-flags.ts";
import { createBody } from "../cli/container/create-body.ts";
import { HelpRequested, parseFlags } from "../cli/flags/flag-set.ts";
import { containerPaths } from "../containers/container-files.ts";
import { launchInput } from "../containers/launch-input.ts";
import { commandLine, mergeImage } from "../containers/merge-image.ts";
import { planMounts } from "../containers/plan-mounts.ts";
import { nameAnonymousVolumes } from "../containers/resolve-mounts.ts";
import type { ImageConfig } from "../images/images.ts";
import { parseCidr } from "../networks/ipv4.ts";
import type { EndpointState, Sandbox } from "../networks/networks.ts";
import {
  renderContainerMessages,
  renderHostMessages,
  renderLoopbackMessages,
  type SandboxLink,
} from "../networks/sandbox-messages.ts";
import { gatherHostFacts } from "../runtime/host-facts.ts";
import { buildContainerPlan } from "../runtime/plan/container-plan.ts";
import { formatPlan } from "../runtime/plan/format-plan.ts";
import type { ContainerPlanInput } from "../runtime/plan/plan-input.ts";

const USAGE = `Usage:  gantry debug plan [OPTIONS] IMAGE [COMMAND] [ARG...]

Print, without starting anything, the kernel operations that the launcher would perform
for a container on this host. Takes the options of "gantry run"; the image is not looked up,
so its own defaults (user, environment, volumes) are missing.

Examples:
  gantry debug plan debian true
  gantry debug plan --read-only --memory 64m --net none debian sh
`;

/** Stands in for an ID, so that two prints can be compared. */
const EXAMPLE_ID = "0".repeat(64);
const EMPTY_IMAGE: ImageConfig = {
  architecture: "amd64",
  os: "linux",
  author: "",
  user: "",
  exposedPorts: [],
  environment: [],
  entrypoint: null,
  command: ["sh"],
  volumes: [],
  workingDir: "",
  labels: {},
  onBuild: [],
  shell: [],
  diffIds: [],
  history: [],
};

const EXAMPLE_LINK: SandboxLink = {
  hostName: "gveth0000000",
  hostIndex: 1_000,
  bridgeIndex: 999,
  peerIndex: 1_001,
  mac: new Uint8Array([2, 0x42, 172, 17, 0, 2]),
  mtu: 1500,
  address: parseCidr("172.17.0.2/16").address,
  subnet: parseCidr("172.17.0.0/16").subnet,
  gateway: parseCidr("172.17.0.1/16").address,
  hairpin: false,
  isolated: false,
};

/** `gantry debug plan …`. Returns the exit code. */
export function runDebug(argv: string[]): number {
  if (argv[0] !== "plan") {
    process.stderr.write(USAGE);
    return argv[0] === "--help" ? 0 : 1;
  }
  try {
    process.stdout.write(planText(argv.slice(1)));
    return 0;
  } catch (error) {
    process.stderr.write(error instanceof HelpRequested ? USAGE : `gantry debug plan: ${messageOf(error)}\n`);
    return error instanceof HelpRequested ? 0 : 1;
  }
}

/** The way of `gantry run` through the folders, without a daemon: flags → body → spec → plan input → plan → text. */
function planText(argv: string[]): string {
  const flags = parseFlags(RUN_FLAGS, argv, { interspersed: false });
  if (flags.arguments.length === 0) throw new Error("requires at least 1 argument: an image name");
  const body = createBody(
    flags,
    {
      environment: flags.list("env"),
      labels: {},
      securityOptions: flags.list("security-opt"),
      unconfinedPaths: false,
      consoleSize: [0, 0],
      workingDir: process.cwd(),
    },
    flags.bool("detach"),
  );
  const spec = mergeImage(decodeContainerSpec(body, { name: "example", platform: "" }), EMPTY_IMAGE);
  const { plan, warnings } = buildContainerPlan(
    planInput({ ...spec, hostname: spec.hostname ?? EXAMPLE_ID.slice(0, 12) }),
  );
  return `${formatPlan(plan)}\n${warnings.map((warning) => `# ${warning}\n`).join("")}`;
}

function planInput(spec: ReturnType<typeof mergeImage>): ContainerPlanInput {
  const mounts = nameAnonymousVolumes(planMounts(spec, []), () => EXAMPLE_ID).map(({ mount }) => mount);
  const definition = { id: EXAMPLE_ID, createdAt: new Date(0), spec, ...commandLine(spec), imageId: "", mounts };
  const { mode } = spec.network;
  const kind = mode === "none" || spec.network.disabled ? "none" : mode === "host" ? "host" : "network";
  const own = (name: string) => (name === "host" ? "host" : "new");
  return launchInput(
    definition,
    {
      user: { uid: 0, gid: 0, groups: [0], home: "/root" },
      mode: kind === "network" ? { kind, name: "bridge" } : { kind },
      sandbox: kind === "network" ? exampleSandbox() : undefined,
      namespaces: {
        pid: own(spec.namespaces.pid),
        net: own(mode),
        ipc: own(spec.namespaces.ipc),
        uts: own(spec.namespaces.uts),
        cgroup: own(spec.namespaces.cgroup),
      },
      ipc: spec.namespaces.ipc === "host" || spec.namespaces.ipc === "none" ? spec.namespaces.ipc : "own",
      root: {
        kind: "overlay",
        cwd: "/var/lib/gantry/snapshots",
        data: "lowerdir=1/fs,upperdir=…,workdir=…",
        lower: [],
        upper: "",
        work: "",
      },
      etc: containerPaths("/var/lib/gantry/containers", EXAMPLE_ID),
    },
    {
      host: gatherHostFacts("/gantry"),
      paths: { containers: "/var/lib/gantry/containers", rootMountPoint: "/run/gantry/rootfs" },
      defaults: { cgroupParent: "/gantry", init: false },
      launcher: { exitRecordPath: (id: string) => `/run/gantry/launchers/${id}.exit` },
      networks: { loopbackMessages: renderLoopbackMessages },
    },
  );
}

function exampleSandbox(): Sandbox {
  const endpoint: EndpointState = {
    networkName: "bridge",
    networkId: EXAMPLE_ID,
    endpointId: EXAMPLE_ID,
    containerId: EXAMPLE_ID,
    gateway: "172.17.0.1",
    ipAddress: "172.17.0.2",
    prefixLength: 16,
    macAddress: "02:42:ac:11:00:02",
    ports: [],
    aliases: [],
  };
  return {
    endpoint,
    hostMessages: renderHostMessages(EXAMPLE_LINK),
    containerMessages: renderContainerMessages(EXAMPLE_LINK),
    portReservations: [],
  };
}
