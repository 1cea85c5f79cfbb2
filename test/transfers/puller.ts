import { createSystemClock } from "../../src/base/clock.ts";
import { messageOf } from "../../src/base/errors.ts";
import { encodeEnd, packFile } from "../../src/formats/tar/packer.ts";
import { createDistribution } from "../../src/images/create-distribution.ts";
import type { Distribution } from "../../src/images/distribution.ts";
import type { ProgressMessage } from "../../src/images/images.ts";
import { storeLeftovers } from "../harness/store-leftovers.ts";
import { until } from "../harness/until.ts";
import { type Fixture, openFixture } from "../images/fixture.ts";

export interface Pulled {
  /** `id: status`, or the status alone; counts of bytes and what is for our own command are left out. */
  lines: string[];
  messages: ProgressMessage[];
  /** Class and words. */
  failure: string | undefined;
}

interface PullOptions extends Partial<Pick<Parameters<Distribution["pull"]>[1], "platform" | "allTags" | "signal">> {
  onMessage?: (message: ProgressMessage) => void;
}

/** An image store in this process that pulls and pushes. Waits of its own are a hundredth of what they are. */
export interface Puller extends Fixture {
  distribution: Distribution;
  /** Events with their attributes. */
  published: string[];
  pull(reference: string, options?: PullOptions): Promise<Pulled>;
  push(name: string, signal?: AbortSignal): Promise<Pulled>;
  /** Everything that is not part of an image: files, blobs and layers. Waits for what is still being removed. */
  leftovers(): Promise<string[]>;
}

/** `stallMs`: what is called a stall; long, unless that is what is tested. */
export async function openPuller(
  options: { downloads?: number; stallMs?: number; certsDir?: string } = {},
): Promise<Puller> {
  const { downloads = 3, stallMs = 10_000, certsDir } = options;
  const fixture = await openFixture();
  const real = createSystemClock();
  const published: string[] = [];
  const distribution = createDistribution({
    ...fixture,
    publish: ({ action, actorId, attributes }) =>
      void published.push(`${action} ${actorId} ${JSON.stringify(attributes)}`),
    hosts: { registryMirrors: [], insecureRegistries: [], certsDirs: certsDir === undefined ? [] : [certsDir] },
    limits: { downloads, uploads: 5, downloadAttempts: 5, stallMs },
    clock: { ...real, sleep: (ms, signal) => real.sleep(ms / 100, signal) },
    userAgent: "test/1",
  });
  return {
    ...fixture,
    distribution,
    published,
    pull: (reference, { onMessage, ...options } = {}) =>
      transfer(onMessage, (report) =>
        distribution.pull(reference, { allTags: false, signal: new AbortController().signal, ...options, report }),
      ),
    push: (name, signal = new AbortController().signal) =>
      transfer(undefined, (report) => distribution.push(name, { report, signal })),
    leftovers: () => leftovers(fixture),
  };
}

async function transfer(
  onMessage: ((message: ProgressMessage) => void) | undefined,
  job: (report: (message: ProgressMessage) => void) => Promise<void>,
): Promise<Pulled> {
  const messages: ProgressMessage[] = [];
  let failure: string | undefined;
  try {
    await job((message) => {
      messages.push(message);
      onMessage?.(message);
    });
  } catch (error) {
    failure = `${(error as { kind?: string }).kind ?? "bug"}: ${messageOf(error)}`;
  }
  const lines = messages
    .filter(({ status, current }) => status !== undefined && current === undefined)
    .map(({ id, status }) => (id === undefined ? (status ?? "") : `${id}: ${status}`));
  return { lines, messages, failure };
}

async function leftovers({ root, content, snapshots, images }: Fixture): Promise<string[]> {
  let left: string[] = [];
  const look = () => {
    const needed = new Set(
      images.library
        .entries()
        .flatMap(({ row }) => [row.id, row.manifestDigest, ...row.layers.map(({ digest }) => digest)]),
    );
    for (const target of images.library.targets()) needed.add(target);
    const blobs = content.list().filter(({ digest }) => !needed.has(digest));
    const layers = images.library.entries().reduce((most, { row }) => most + row.layers.length, 0);
    const extra = Math.max(0, snapshots.listLayers().length - layers);
    left = [
      ...storeLeftovers(root),
      ...blobs.map(({ digest }) => `blob ${digest}`),
      ...(extra === 0 ? [] : [`${extra} layers`]),
    ];
    return left.length === 0;
  };
  await until("nothing is left", look, { timeoutMs: 2000 }).catch(() => undefined);
  return left;
}

/** A layer of one file. `sizeBytes` of it cannot be compressed. */
export function layer(name: string, sizeBytes = 0): Buffer {
  const bytes = sizeBytes === 0 ? Buffer.from(name) : noise(name, sizeBytes);
  return Buffer.concat([packFile({ name, mode: 0o644 }, bytes), encodeEnd()]);
}

/** The same bytes for the same seed. */
function noise(seed: string, sizeBytes: number): Buffer {
  let state = Buffer.from(new Bun.CryptoHasher("sha256").update(seed).digest()).readUInt32LE();
  const words = new Uint32Array(Math.ceil(sizeBytes / 4));
  for (let at = 0; at < words.length; at++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    words[at] = state;
  }
  return Buffer.from(words.buffer, 0, sizeBytes);
}
