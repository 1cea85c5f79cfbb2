import { debianAptImage, whyNoDebianApt } from "../test/fixtures/debian-apt-image.ts";
import { type BuildContext, largeContext, smallContext } from "./build-context.ts";
import type { Measure } from "./measures.ts";
import { command, type Peer, timeCommand } from "./peer.ts";

export interface BuildScale {
  samples: number;
  /** Of the large contexts. */
  files: number;
  bytes: number;
  chain: number;
  busybox: string;
}

interface Wanted {
  name: string;
  target: number;
  samples: number;
  context: () => Promise<BuildContext>;
  noCache: boolean;
  /** Each build differs from the last by one file. */
  touches: boolean;
  /** An archive of the base image; absent: busybox. */
  base?: () => Promise<string>;
}

const FIVE_STEPS = `FROM busybox\n${[1, 2, 3, 4, 5].map((step) => `RUN echo ${step} > /step-${step}\n`).join("")}`;
const FOUR_STAGES = `${[1, 2, 3, 4]
  .map((stage) => `FROM busybox AS stage${stage}\nRUN sleep 0.5; echo ${stage} > /result\n`)
  .join(
    "",
  )}FROM busybox\n${[1, 2, 3, 4].map((stage) => `COPY --from=stage${stage} /result /result-${stage}\n`).join("")}`;
const APT = `FROM debian-apt
RUN apt-get update && apt-get install -y --no-install-recommends jq nginx-light && rm -rf /var/lib/apt/lists/*
`;
const COPY_ALL = "FROM busybox\nCOPY . /src\nRUN test -f /src/changing\n";

/** Containers as everybody else's: its default runtime, crun, cannot have them on a host with both versions of cgroups. */
const BUILDAH = ["bud", "--isolation", "oci", "--runtime", "/usr/sbin/runc", "--layers"];

/** Builds by command, as a user gives it: Docker's with BuildKit. */
export function buildMeasures(scale: BuildScale): Measure[] {
  const { samples, chain } = scale;
  const common = { samples, noCache: false, touches: false };
  const few = Math.min(3, samples);
  const wanted: Wanted[] = [
    {
      ...common,
      name: "build of five steps, no cache",
      target: 4,
      context: async () => smallContext(FIVE_STEPS),
      noCache: true,
    },
    { ...common, name: "build of five steps, all cached", target: 4, context: async () => smallContext(FIVE_STEPS) },
    ...largeContexts(scale, { ...common, samples: few, touches: true }),
    {
      ...common,
      name: "build of four parallel stages of 0.5 s",
      target: 1,
      samples: few,
      context: async () => smallContext(FOUR_STAGES),
      noCache: true,
    },
    {
      ...common,
      name: `build of ${chain} steps, no cache`,
      target: 4,
      samples: few,
      context: async () => smallContext(chainOf(chain)),
      noCache: true,
    },
    ...(whyNoDebianApt() === undefined
      ? [
          {
            ...common,
            name: "build with apt-get install",
            target: 1,
            samples: few,
            context: async () => smallContext(APT),
            noCache: true,
            base: debianAptImage,
          },
        ]
      : []),
  ];
  return wanted.map((one) => measureOf(one, scale.busybox));
}

function largeContexts(
  { files, bytes }: BuildScale,
  common: Pick<Wanted, "samples" | "noCache" | "touches">,
): Wanted[] {
  const size = bytes >= 1e9 ? `${bytes / 1e9} GB` : `${bytes / 1e6} MB`;
  return [
    {
      ...common,
      name: `build, one changed file of ${files} in ${size}`,
      target: 4,
      context: () => largeContext({ files, bytes }, { dockerfile: COPY_ALL }),
    },
    {
      ...common,
      name: `build, ${size} of which 1 MB is not ignored`,
      target: 4,
      context: () => largeContext({ files, bytes }, { dockerfile: COPY_ALL, ignore: "data\n" }),
    },
  ];
}

function chainOf(steps: number): string {
  return `FROM busybox\n${Array.from({ length: steps }, (_, step) => `RUN echo ${step} > /step\n`).join("")}`;
}

function measureOf({ name, target, samples, context, noCache, touches, base }: Wanted, busybox: string): Measure {
  let opening: Promise<BuildContext> | undefined;
  const open = () => (opening ??= context());
  let users = 0;
  const build = async (peer: Peer) => {
    const opened = await open();
    if (touches) opened.touch();
    const args = peer.name === "buildah" ? BUILDAH : ["build"];
    return timeCommand(peer, [...args, ...(noCache ? ["--no-cache"] : []), "-t", "bench-build", opened.path]);
  };
  return {
    name,
    unit: "ms",
    target,
    samples,
    builders: true,
    async before(peer) {
      users++;
      await bring(peer, base === undefined ? busybox : await base(), base === undefined ? "busybox" : "debian-apt");
      if (touches) (await open()).touch();
      // The first fills the cache; without one it is a warm-up all the same.
      await build(peer);
    },
    sample: build,
    async after(peer) {
      if (peer.name !== "buildah") await command(peer, ["rmi", "-f", "bench-build"]);
      if (--users === 0) (await open()).remove();
    },
  };
}

async function bring(peer: Peer, archive: string, name: string): Promise<void> {
  if (peer.name === "buildah") await command(peer, ["pull", "-q", `docker-archive:${archive}`]);
  else if (!(await command(peer, ["images", "-q", name]))) await command(peer, ["load", "-q", "-i", archive]);
}
