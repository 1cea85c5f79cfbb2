import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { busyboxImage } from "../fixtures/busybox-image.ts";
import { startDaemon, type TestDaemon } from "../harness/daemon.ts";
import { type Dockerd, startDockerd, whyNoNetworkedDockerd } from "../harness/dockerd.ts";
import { type BuildCase, DOCKER, writeContext } from "./build-case.ts";
import { CONFIG_CASES } from "./config-cases.ts";
import { COPY_CASES } from "./copy-cases.ts";
import { type DescribedImage, describeImage, treeInDaemon } from "./described-image.ts";
import { type BuildEngine, buildahEngine, dockerEngine, gantryEngine, whyNoBuildah } from "./engines.ts";
import { likeOthers } from "./known-differences.ts";
import { RUN_CASES } from "./run-cases.ts";

/** The same Dockerfiles built by others in the same run: the same files, configuration and history, but for the known differences. */
let daemon: TestDaemon;
let dockerd: Dockerd;
let base: string[];
let contexts: string;
const peers: BuildEngine[] = [];

const why = whyNoNetworkedDockerd() ?? whyNoBuildah();

beforeAll(async () => {
  if (why !== undefined) return;
  contexts = mkdtempSync(join(tmpdir(), "gantry-corpus-"));
  daemon = await startDaemon();
  dockerd = await startDockerd({ name: "dockerbuild0", address: "10.251.7.1/24" });
  await dockerd.docker(["load", "-q", "-i", await busyboxImage()]);
  peers.push(dockerEngine(dockerd, "classic"), dockerEngine(dockerd, "buildkit"), await buildahEngine());
  base = await treeInDaemon(daemon, "busybox");
}, 120_000);

afterAll(async () => {
  if (why !== undefined) return;
  for (const peer of peers) await peer.close();
  await dockerd?.[Symbol.asyncDispose]();
  await daemon?.[Symbol.asyncDispose]();
  rmSync(contexts, { recursive: true, force: true });
}, 120_000);

async function built(engine: BuildEngine, wanted: BuildCase, context: string): Promise<DescribedImage> {
  const tag = `${engine.name}-${wanted.name}:latest`;
  const { code, stderr } = await engine.build(wanted, context, tag);
  if (code !== 0) throw new Error(`${engine.name}: ${stderr}`);
  const archive = await engine.save(tag);
  if (engine.name !== "gantry") {
    const path = join(contexts, `${engine.name}.tar`);
    writeFileSync(path, archive);
    await daemon.load(path);
  }
  return describeImage(daemon, archive, tag, base);
}

const compared = [...CONFIG_CASES, ...COPY_CASES, ...RUN_CASES].filter(({ peers: named = DOCKER }) => named.length > 0);

describe.skipIf(why !== undefined)(
  `as Docker and buildah build it${why === undefined ? "" : ` (skipped: ${why})`}`,
  () => {
    test.each(compared.map((one): [string, BuildCase] => [one.name, one]))(
      "%s",
      async (name, wanted) => {
        const context = join(contexts, name);
        mkdirSync(context);
        writeContext(context, wanted);
        const ours = await built(gantryEngine(daemon), wanted, context);
        for (const peer of peers) {
          if (!(wanted.peers ?? DOCKER).some((one) => one === peer.name)) continue;
          const theirs = await built(peer, wanted, context);
          const [own, other] = likeOthers(peer.name, { ours, theirs });
          expect({ peer: peer.name, ...own }).toEqual({ peer: peer.name, ...other });
        }
      },
      120_000,
    );
  },
);
