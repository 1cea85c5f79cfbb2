import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cached, program } from "../fixtures/build-cache.ts";
import { busyboxRoot } from "../fixtures/busybox-image.ts";
import { type ImageConfigFixture, layerTar, writeDockerArchive } from "../fixtures/docker-archive.ts";
import type { TestDaemon } from "../harness/daemon.ts";

export interface HostileImage {
  tag: string;
  config?: ImageConfigFixture;
  /** Puts files over busybox's; gets the directory that becomes the second layer. */
  files?: (directory: string) => void | Promise<void>;
}

/** Loads busybox with a hostile layer or configuration on top. */
export async function loadHostileImage(daemon: TestDaemon, { tag, config = {}, files }: HostileImage): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), "gantry-hostile-"));
  try {
    const top = join(directory, "top");
    mkdirSync(top);
    await files?.(top);
    const layers = [join(directory, "base.tar"), join(directory, "top.tar")] as const;
    await layerTar(await busyboxRoot(), layers[0]);
    await layerTar(top, layers[1]);
    const archive = join(directory, "image.tar");
    const defaults = { Cmd: ["sh"], Env: ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"] };
    await writeDockerArchive(archive, { tag, layers: [...layers], config: { ...defaults, ...config } });
    await daemon.load(archive);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Needs gcc and the headers of libc. */
async function compile(source: string, path: string): Promise<void> {
  await program(["gcc", "-static", "-O1", "-Wall", "-Werror", "-o", path, source]);
}

/** The path of a static program, made of probe.c. */
export function probeProgram(): Promise<string> {
  const source = join(import.meta.dir, "probe.c");
  const version = Bun.hash(readFileSync(source)).toString(16);
  return cached(`attack-probe-${version}`, (path) => compile(source, path));
}

/** `probe:latest`: busybox with `/probe`. */
export function loadProbeImage(daemon: TestDaemon): Promise<void> {
  return loadHostileImage(daemon, {
    tag: "probe:latest",
    files: async (directory) => copyFileSync(await probeProgram(), join(directory, "probe")),
  });
}
