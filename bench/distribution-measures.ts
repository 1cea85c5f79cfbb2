import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { type PeerRegistry, startDockerRegistry } from "../test/harness/docker-registry.ts";
import { runProgram } from "../test/harness/run-program.ts";
import type { Measure } from "./measures.ts";
import { command, type Peer, timeCommand } from "./peer.ts";

/** An image that waits at the registry. */
export interface RemoteImage {
  /** What it is made of, for the table. */
  name: string;
  /** `host/repository`. */
  repository: string;
  /** A docker archive of it, made when it is first needed. */
  archive: (variant: number) => Promise<string>;
  samples: number;
  /**
   * Each sample pulls a variant of its own and nothing is deleted until the last one: after many deletions ext4 looks through all of
   * them for each file that is made (`recently_deleted`), which would tell who came first and nothing else.
   */
  variants: boolean;
}

const MB = 1e6;
/** Of the daemon, while it pulls. */
const MAX_RSS_MB = 200;

/** Copies an archive there, its layers compressed; skopeo is nobody's peer here. */
export async function publish(archive: string, reference: string): Promise<void> {
  const result = await runProgram(
    [
      "skopeo",
      "--insecure-policy",
      "copy",
      "-q",
      "--dest-tls-verify=false",
      `docker-archive:${archive}`,
      `docker://${reference}`,
    ],
    { timeoutMs: 300_000 },
  );
  if (result.code !== 0) throw new Error(`skopeo: ${result.stderr}`);
}

export function distributionMeasures(registry: PeerRegistry, images: RemoteImage[]): Measure[] {
  const published = images.map((image) => ({ ...image, publish: publisher(image) }));
  const pulls = published.map((image) => pullMeasure(registry, image));
  const [first] = published;
  return first === undefined ? pulls : [...pulls, memoryOf(first), pushMeasure(first)];
}

type Published = RemoteImage & { publish: () => Promise<void> };

/** Puts the image at the registry, once. */
function publisher(image: RemoteImage): () => Promise<void> {
  let published: Promise<void> | undefined;
  const all = async () => {
    for (const variant of variantsOf(image)) await publish(await image.archive(variant), referenceOf(image, variant));
  };
  return () => (published ??= all());
}

function variantsOf({ variants, samples }: RemoteImage): number[] {
  return Array.from({ length: variants ? samples : 1 }, (_, index) => index);
}

function referenceOf({ repository }: RemoteImage, variant: number): string {
  return `${repository}:${variant}`;
}

function pullMeasure(registry: PeerRegistry, image: Published): Measure {
  const counts = new Map<string, number>();
  const next = (who: string) => {
    const count = counts.get(who) ?? 0;
    counts.set(who, count + 1);
    return referenceOf(image, image.variants ? count : 0);
  };
  const unpacked: string[] = [];
  const clear = () => {
    for (const directory of unpacked.splice(0)) rmSync(directory, { recursive: true, force: true });
  };
  return {
    name: `pull ${image.name}`,
    unit: "s",
    target: 3,
    samples: image.samples,
    async before(peer) {
      await image.publish();
      await forget(image)(peer);
    },
    async sample(peer) {
      await settle();
      const elapsedMs = await timeCommand(peer, ["pull", "-q", next(peer.name)]);
      if (!image.variants) await forget(image)(peer);
      return elapsedMs / 1000;
    },
    async after(peer) {
      clear();
      await forget(image)(peer);
    },
    floor: {
      within: 1.5,
      async sample() {
        const { seconds, directory } = await unpackWithTar(registry, next("floor"));
        unpacked.push(directory);
        if (!image.variants) clear();
        return seconds;
      },
    },
  };
}

function memoryOf(image: Published): Measure {
  return {
    name: `daemon's memory at its highest, pull ${image.name}`,
    unit: "MB",
    target: 0,
    limit: MAX_RSS_MB,
    samples: 1,
    before: () => image.publish(),
    async sample(peer) {
      for (const pid of peer.daemonPids()) writeFileSync(`/proc/${pid}/clear_refs`, "5");
      await command(peer, ["pull", "-q", referenceOf(image, 0)]);
      const bytes = peer.daemonPids().map(peakBytes);
      await forget(image)(peer);
      return bytes.reduce((sum, one) => sum + one, 0) / MB;
    },
  };
}

/** Layers as `load` leaves them: to be compressed on the way. A registry of its own for each: nobody finds them there, or next door. */
function pushMeasure(image: RemoteImage): Measure {
  return {
    name: `push ${image.name}`,
    unit: "s",
    target: 2,
    samples: image.samples,
    async sample(peer) {
      const loaded = await command(peer, ["load", "-q", "-i", await image.archive(0)]);
      const name = loaded.replace("Loaded image: ", "");
      const registry = await startDockerRegistry();
      const target = `${registry.host}/pushed:1`;
      try {
        await command(peer, ["tag", name, target]);
        await settle();
        return (await timeCommand(peer, ["push", "-q", target])) / 1000;
      } finally {
        await runProgram([...peer.cli, "rmi", "-f", target, name], { env: peer.env, timeoutMs: 120_000 });
        await registry[Symbol.asyncDispose]();
      }
    },
  };
}

function forget(image: RemoteImage) {
  const references = variantsOf(image).map((variant) => referenceOf(image, variant));
  return async (peer: Peer) => {
    await runProgram([...peer.cli, "rmi", "-f", ...references], { env: peer.env, timeoutMs: 120_000 });
  };
}

/** What one sample left to be written must not slow the next. */
async function settle(): Promise<void> {
  await runProgram(["sync"], { timeoutMs: 120_000 });
}

/** Seconds that `gunzip | tar x` takes for the same layers, on all cores: nobody can be much quicker. */
async function unpackWithTar(
  registry: PeerRegistry,
  reference: string,
): Promise<{ seconds: number; directory: string }> {
  const [name = "", tag = ""] = reference.slice(reference.indexOf("/") + 1).split(":");
  const response = await fetch(`http://${registry.host}/v2/${name}/manifests/${tag}`, {
    headers: {
      Accept: "application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json",
    },
  });
  const { layers } = (await response.json()) as { layers: { digest: string }[] };
  const directory = mkdtempSync(join(tmpdir(), "gantry-bench-floor-"));
  try {
    await settle();
    const waiting = layers.map(({ digest }, index) => ({
      blob: registry.blobPath(digest),
      target: join(directory, String(index)),
    }));
    const started = performance.now();
    await Promise.all(
      Array.from({ length: availableParallelism() }, async () => {
        for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
          mkdirSync(next.target);
          const script = 'gunzip -c "$1" | tar x -C "$2"';
          const { code, stderr } = await runProgram(["sh", "-c", script, "sh", next.blob, next.target], {
            timeoutMs: 300_000,
          });
          if (code !== 0) throw new Error(`gunzip | tar: ${stderr}`);
        }
      }),
    );
    return { seconds: (performance.now() - started) / 1000, directory };
  } catch (error) {
    rmSync(directory, { recursive: true, force: true });
    throw error;
  }
}

function peakBytes(pid: number): number {
  const kib = /^VmHWM:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  return Number(kib ?? 0) * 1024;
}
