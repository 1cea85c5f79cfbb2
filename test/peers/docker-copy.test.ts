import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { CopyOp, CopySource } from "../../src/builder/graph.ts";
import type { FilesResult } from "../../src/builder/results.ts";
import {
  copyOf,
  EMPTY,
  type Files,
  openWorld,
  scan,
  showDirectory,
  type World,
  writeFiles,
} from "../builder-files/world.ts";
import { type Dockerd, startDockerd, whyNoDockerd } from "../harness/dockerd.ts";

const skipped = whyNoDockerd();

/** What is there before. */
const BASE: Files = {
  "app/|750": "",
  "app/old": "old",
  "app/sub/|711": "",
  "app/sub/old": "old",
  "etc/passwd": "web:x:33:34::/:\n",
  "etc/group": "staff:x:50:\n",
  "usr/bin/": "",
  bin: { to: "usr/bin" },
  conf: { to: "etc/real.conf" },
  "etc/real.conf": "real",
  "d/link": { to: "../etc/real.conf" },
};

const SOURCE: Files = {
  "a.txt|600": "A",
  "b.txt|755": "B",
  "app/|700": "",
  "app/new": "new",
  "app/sub/|777": "",
  "app/sub/new|4755": "new",
  "dir/one": "1",
  "dir/deep/|1777": "",
  "dir/deep/two": "2",
  "dir/l": { to: "one" },
  "dir/dangling": { to: "/nowhere" },
  "empty/": "",
  "plain/x": "x",
  "plain/y/z|755": "z",
  tolink: { to: "a.txt" },
  todir: { to: "dir" },
  link: "a file called link",
};

interface Case {
  paths: string[];
  to: string;
  flags?: string[];
  more?: Partial<CopyOp> & Partial<CopySource>;
}

const CASES: Record<string, Case> = {
  file: { paths: ["a.txt"], to: "/x" },
  intomade: { paths: ["a.txt"], to: "/x/y/z/" },
  intothere: { paths: ["a.txt"], to: "/app" },
  merge: { paths: ["app"], to: "/app" },
  mergeslash: { paths: ["app/"], to: "/app/" },
  newdir: { paths: ["dir"], to: "/n/m" },
  everything: { paths: ["."], to: "/all/" },
  several: { paths: ["a.txt", "b.txt", "dir"], to: "/s/" },
  wild: { paths: ["*.txt"], to: "/w/" },
  wilddirs: { paths: ["d*/*e*"], to: "/w/" },
  wildnothing: { paths: ["z*", "a.txt"], to: "/w/" },
  linksource: { paths: ["tolink"], to: "/l/" },
  linkdir: { paths: ["todir"], to: "/l/" },
  insidelinkdir: { paths: ["todir/deep"], to: "/l/" },
  throughlink: { paths: ["a.txt"], to: "/bin/" },
  overlink: { paths: ["a.txt"], to: "/conf" },
  replacelink: { paths: ["link"], to: "/d/" },
  empty: { paths: ["empty"], to: "/e/" },
  root: { paths: ["dir"], to: "/" },
  chown: { paths: ["dir"], to: "/c/d/", flags: ["--chown=12:13"], more: { owner: { user: "12", group: "13" } } },
  chownnumber: {
    paths: ["a.txt"],
    to: "/c/",
    flags: ["--chown=12"],
    more: { owner: { user: "12", group: undefined } },
  },
  chownname: {
    paths: ["a.txt"],
    to: "/c/",
    flags: ["--chown=web"],
    more: { owner: { user: "web", group: undefined } },
  },
  chownnames: {
    paths: ["a.txt"],
    to: "/c/",
    flags: ["--chown=web:staff"],
    more: { owner: { user: "web", group: "staff" } },
  },
  chownthere: { paths: ["app"], to: "/app/", flags: ["--chown=5:6"], more: { owner: { user: "5", group: "6" } } },
  chmod: { paths: ["plain"], to: "/m/", flags: ["--chmod=640"], more: { mode: "640" } },
  // Newer versions than 20.10 take set-id bits as they are written; this one drops them.
  chmodfile: { paths: ["b.txt"], to: "/m", flags: ["--chmod=711"], more: { mode: "711" } },
};

let daemon: Dockerd;
let world: World;
let source: FilesResult;
let root: string;
const theirs = new Map<string, string[]>();

/** One build for all cases: each is a stage, and the last one has them side by side. */
beforeAll(async () => {
  if (skipped !== undefined) return;
  root = mkdtempSync(join(tmpdir(), "gantry-docker-copy-"));
  daemon = await startDockerd({ name: "gcopy" });
  world = openWorld();
  const context = join(root, "context");
  for (const [name, files] of Object.entries({ base: BASE, source: SOURCE })) {
    mkdirSync(join(context, name), { recursive: true });
    writeFiles(join(context, name), files);
  }
  source = { kind: "files", source: scan(join(context, "source")) };
  const stages = Object.entries(CASES).map(([name, { paths, to, flags = [] }]) => {
    const sources = paths.map((path) => `source/${path}`).join(" ");
    return `FROM base AS ${name}\nCOPY ${flags.join(" ")} ${sources} ${to}\n`;
  });
  const collected = Object.keys(CASES).map((name) => `COPY --from=${name} / /${name}/\n`);
  const dockerfile = `FROM scratch AS base\nCOPY base/ /\n${stages.join("")}FROM scratch\n${collected.join("")}`;
  writeFileSync(join(root, "Dockerfile"), dockerfile);
  const tar = join(root, "out.tar");
  const built = await daemon.docker(
    ["build", "-q", "-f", join(root, "Dockerfile"), "-o", `type=tar,dest=${tar}`, context],
    {
      env: { DOCKER_BUILDKIT: "1" },
    },
  );
  if (built.code !== 0) throw new Error(built.stderr);
  const out = join(root, "out");
  mkdirSync(out);
  const unpacked = Bun.spawnSync(["tar", "-C", out, "--same-owner", "-pxf", tar]);
  if (unpacked.exitCode !== 0) throw new Error(unpacked.stderr.toString());
  for (const name of Object.keys(CASES)) theirs.set(name, await showDirectory(join(out, name)));
}, 120_000);

afterAll(async () => {
  if (skipped !== undefined) return;
  await daemon[Symbol.asyncDispose]();
  await world[Symbol.asyncDispose]();
  rmSync(root, { recursive: true, force: true });
});

for (const [name, { paths, to, flags = [], more }] of Object.entries(CASES)) {
  const what = `COPY ${[...flags, ...paths].join(" ")} ${to} gives what BuildKit of Docker 20.10 gives`;
  test.skipIf(skipped !== undefined)(skipped === undefined ? what : `${what} (skipped: ${skipped})`, async () => {
    const base = await world.files.copy(copyOf(".", "/"), [EMPTY, await world.tree(BASE)], world.context);
    const result = await world.files.copy(copyOf(paths, to, more), [base, source], world.context);
    expect(await world.show(result)).toEqual(theirs.get(name) as string[]);
  });
}
