import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { cpus, release, totalmem } from "node:os";
import { join } from "node:path";
import { busyboxImage } from "../test/fixtures/busybox-image.ts";
import { largeImage } from "../test/fixtures/large-image.ts";
import { smallFilesImage } from "../test/fixtures/small-files-image.ts";
import { type PeerRegistry, startDockerRegistry, whyNoDockerRegistry } from "../test/harness/docker-registry.ts";
import { whyNoNetworkedDockerd } from "../test/harness/dockerd.ts";
import { buildMeasures } from "./build-measures.ts";
import { startBuildah, whyNoBuildah } from "./buildah-peer.ts";
import { distributionMeasures } from "./distribution-measures.ts";
import { startDocker } from "./docker-peer.ts";
import { startGantry } from "./gantry-peer.ts";
import { type Measure, measures, type Scale } from "./measures.ts";
import { command, type Peer } from "./peer.ts";
import { formatScoreboard, median, type Score } from "./scoreboard.ts";

/**
 * `npm run bench [-- --quick] [-- --only TEXT] [-- --peer NAME]`: every measure for every peer, sample by sample in turn, so that
 * what else the machine does hits all alike. Prints the table and writes `bench/results/<time>.json`.
 */
const DOCKER_28 = "/usr/local/bin/docker";
const arguments_ = process.argv.slice(2);
const quick = arguments_.includes("--quick");
const only = valueOf("--only");
const onlyPeer = valueOf("--peer");

function valueOf(flag: string): string | undefined {
  const index = arguments_.indexOf(flag);
  return index < 0 ? undefined : arguments_[index + 1];
}

async function scale(): Promise<Scale> {
  return {
    samples: quick ? 5 : 21,
    atOnce: 20,
    manyContainers: quick ? 100 : 500,
    streamBytes: quick ? 50_000_000 : 200_000_000,
    largeName: `${quick ? "100 MB" : "1 GB"} in 10 layers`,
    largeArchive: await largeImage({ layers: 10, layerMib: quick ? 10 : 100 }),
    ...(existsSync(DOCKER_28) ? { commonCli: [DOCKER_28] } : {}),
  };
}

/** Peers that have no containers to show. */
const builders: Peer[] = [];

async function startPeers(): Promise<Peer[]> {
  const peers: Peer[] = [];
  const start = async (starting: Promise<Peer>) => {
    const peer = await starting;
    started.defer(() => peer.stop());
    return peer;
  };
  if (onlyPeer === undefined || onlyPeer === "gantry") peers.push(await start(startGantry()));
  const reason = whyNoNetworkedDockerd();
  if (reason !== undefined) console.log(`docker is not measured: ${reason}`);
  else if (onlyPeer === undefined || onlyPeer === "docker") peers.push(await start(startDocker()));
  const archive = await busyboxImage();
  const noBuildah = whyNoBuildah();
  if (noBuildah !== undefined) console.log(`buildah is not measured: ${noBuildah}`);
  else if (onlyPeer === undefined || onlyPeer === "buildah") builders.push(await start(startBuildah()));
  for (const peer of peers) await command(peer, ["load", "-q", "-i", archive]);
  return peers;
}

/** All samples of one measure, the peers by turns. A peer that fails drops out of this measure and says why. */
async function score(measure: Measure, peers: Peer[]): Promise<Score> {
  const result: Score = { name: measure.name, unit: measure.unit, target: measure.target, samples: {}, failures: {} };
  if (measure.limit !== undefined) result.limit = measure.limit;
  if (measure.floor !== undefined) result.floor = { within: measure.floor.within, samples: [] };
  const attempt = async (peer: Peer, step: () => Promise<void>) => {
    if (result.failures[peer.name] !== undefined) return;
    await step().catch((error: unknown) => {
      result.failures[peer.name] = String(error);
      console.log(`  ${measure.name}: ${String(error)}`);
    });
  };
  for (const peer of peers) await attempt(peer, async () => measure.before?.(peer));
  for (let round = 0; round < measure.samples; round++) {
    for (const peer of round % 2 === 0 ? peers : [...peers].reverse()) {
      await attempt(peer, async () => {
        const value = await measure.sample(peer);
        result.samples[peer.name] = [...(result.samples[peer.name] ?? []), value];
      });
    }
    if (measure.floor !== undefined) result.floor?.samples.push(await measure.floor.sample());
  }
  for (const peer of peers)
    await measure.after?.(peer).catch((error: unknown) => console.log(`  ${peer.name}: ${String(error)}`));
  return result;
}

/** What needs a registry: its images are put there only if one of them is asked for. */
async function distribution(registry: PeerRegistry): Promise<Measure[]> {
  const [tenth, size, files] = quick ? [10, "100 MB", 10_000] : [100, "1 GB", 100_000];
  const wanted = [
    { name: `${size} in 10 layers`, archive: () => largeImage({ layers: 10, layerMib: tenth }), variants: false },
    { name: `${size} in one layer`, archive: () => largeImage({ layers: 1, layerMib: tenth * 10 }), variants: false },
    { name: `${files} small files`, archive: (variant: number) => smallFilesImage(files, variant), variants: true },
  ];
  const images = wanted.map((image, index) => ({
    ...image,
    samples: 3,
    repository: `${registry.host}/image-${index}`,
  }));
  return distributionMeasures(registry, images);
}

/** All that was started; each goes, whatever becomes of the others, and also when the run is interrupted. */
await using started = new AsyncDisposableStack();
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => void started.disposeAsync().finally(() => process.exit(1)));
}

const registry = whyNoDockerRegistry() === undefined ? started.use(await startDockerRegistry()) : undefined;
if (registry === undefined) console.log(`pull and push are not measured: ${whyNoDockerRegistry()}`);
const all = [
  ...measures(await scale()),
  ...buildMeasures({
    samples: quick ? 3 : 9,
    ...(quick ? { files: 5000, bytes: 1e8, chain: 20 } : { files: 50_000, bytes: 1e9, chain: 100 }),
    busybox: await busyboxImage(),
  }),
  ...(registry === undefined ? [] : await distribution(registry)),
];
const chosen = all.filter(({ name }) => only === undefined || name.includes(only));
const scores: Score[] = [];
const peers = await startPeers();
for (const measure of chosen) {
  scores.push(await score(measure, measure.builders === true ? [...peers, ...builders] : peers));
  console.log(
    formatScoreboard(
      scores.slice(-1),
      [...peers, ...builders].map(({ name }) => name),
    )
      .split("\n")
      .at(-1),
  );
}
console.log(
  `\n${formatScoreboard(
    scores,
    [...peers, ...builders].map(({ name }) => name),
  )}`,
);
const machine = { kernel: release(), cpus: cpus().length, memoryMib: Math.round(totalmem() / 2 ** 20) };
const report = {
  date: new Date().toISOString(),
  quick,
  machine,
  peers: [...peers, ...builders].map(({ name, version }) => ({ name, version })),
  scores: scores.map((entry) => ({
    ...entry,
    medians: Object.fromEntries(Object.entries(entry.samples).map(([name, values]) => [name, median(values)])),
  })),
};
const folder = join(import.meta.dir, "results");
mkdirSync(folder, { recursive: true });
const file = join(folder, `${report.date.replaceAll(/[:.]/g, "-")}.json`);
writeFileSync(file, `${JSON.stringify(report, null, 2)}\n`);
console.log(`\nwritten to ${file}`);
