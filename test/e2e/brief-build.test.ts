import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { debianAptImage, PINNED, whyNoDebianApt } from "../fixtures/debian-apt-image.ts";
import { buildOwnImage } from "../fixtures/own-images.ts";
import { startDaemon, type TestDaemon } from "../harness/daemon.ts";
import { until } from "../harness/until.ts";

/** The Dockerfile of a first lesson on Docker, and our own images, built from a Debian with apt. */
const why = whyNoDebianApt();
const withDebian = test.skipIf(why !== undefined);
const name = (text: string) => (why === undefined ? text : `${text} (skipped: ${why})`);

let daemon: TestDaemon;
let directory: string;

beforeAll(async () => {
  if (why !== undefined) return;
  directory = mkdtempSync(join(tmpdir(), "gantry-brief-build-"));
  daemon = await startDaemon({ busybox: false });
  await daemon.load(await debianAptImage());
  await gantry("tag", "debian-apt", "debian");
}, 120_000);
afterAll(async () => {
  if (why !== undefined) return;
  expect(await daemon?.leakCheck()).toEqual([]);
  await daemon?.[Symbol.asyncDispose]();
  rmSync(directory, { recursive: true, force: true });
}, 60_000);

async function gantry(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await daemon.gantry(args, { timeoutMs: 180_000 });
  if (code !== 0) throw new Error(`gantry ${args.join(" ")}: exit code ${code}: ${stderr}`);
  return stdout.trim();
}

withDebian(
  name("a Debian package of one version is installed, and the image says how it runs"),
  async () => {
    const dockerfile = `FROM debian
MAINTAINER Some Body <some.body@example.org>
RUN echo "deb [trusted=yes] file:/repository ./" > /etc/apt/sources.list.d/own.list && rm /etc/apt/sources.list
ENV VERSION ${PINNED.version}
RUN apt-get update \\
	&& apt-get install -y ${PINNED.name}=$VERSION \\
	&& rm -rf /var/lib/apt/lists/*
VOLUME ["/data"]
WORKDIR /data
CMD ["${PINNED.name}", "--bind", "all"]
EXPOSE 28015 29015 8080
`;
    writeFileSync(join(directory, "Dockerfile"), dockerfile);
    await gantry("build", "-f", join(directory, "Dockerfile"), "-t", PINNED.name, directory);
    expect(await gantry("run", "--rm", PINNED.name)).toBe(`${PINNED.name} ${PINNED.version} --bind all`);
    const inspected = await gantry(
      "inspect",
      "-f",
      "{{.Author}}|{{.Config.WorkingDir}}|{{json .Config.Volumes}}|{{len .Config.ExposedPorts}}",
      PINNED.name,
    );
    expect(inspected).toBe('Some Body <some.body@example.org>|/data|{"/data":{}}|3');
    const refused = await daemon.gantry(["build", "-t", "localhost:5000/Ubuntu:v4", directory]);
    expect([refused.code === 0, refused.stderr]).toEqual([false, expect.stringContaining("must be lowercase")]);
  },
  180_000,
);

withDebian(
  name("our own image is built by ourselves, and its engine runs a container"),
  async () => {
    await buildOwnImage(daemon, "gantry");
    await gantry("run", "-d", "--privileged", "--name", "engine", "gantry");
    await until(
      "the engine inside answers",
      async () => (await daemon.gantry(["exec", "engine", "gantry", "version"])).code === 0,
    );
    await gantry(
      "exec",
      "engine",
      "sh",
      "-c",
      "cd / && tar ch usr/bin/true lib64/ld-linux-x86-64.so.2 lib/x86_64-linux-gnu/libc.so.6 | gantry import - tiny",
    );
    await gantry("exec", "engine", "gantry", "run", "--rm", "--net=none", "tiny", "/usr/bin/true");
    await gantry("rm", "-f", "-v", "engine");
  },
  240_000,
);
