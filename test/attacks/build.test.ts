import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { checkReport } from "../harness/check-report.ts";
import { startDaemon, type TestDaemon } from "../harness/daemon.ts";
import { runProgram } from "../harness/run-program.ts";
import { until } from "../harness/until.ts";

/** Hostile Dockerfiles, contexts and clients against a whole daemon, by our own command and by Docker's. */
let daemon: TestDaemon;
let place: string;
beforeAll(async () => {
  daemon = await startDaemon();
  place = mkdtempSync(join(tmpdir(), "gantry-attack-build-"));
}, 60_000);
afterAll(async () => {
  await daemon?.[Symbol.asyncDispose]();
  rmSync(place, { recursive: true, force: true });
}, 60_000);
afterEach(async () => {
  expect(await daemon.leakCheck()).toEqual([]);
  expect((await checkReport(daemon)).Problems).toEqual([]);
});

/** The command of Debian's docker.io 20.10: BuildKit through the daemon's session, and the classic builder. */
const DOCKER = "/usr/bin/docker";
const noDocker = existsSync(DOCKER) ? undefined : "docker.io is not installed";

interface Told {
  code: number;
  text: string;
}

let contexts = 0;
function contextOf(dockerfile: string): string {
  const directory = join(place, `context-${++contexts}`);
  mkdirSync(directory);
  writeFileSync(join(directory, "Dockerfile"), dockerfile);
  return directory;
}

async function build(context: string, flags: string[] = [], env: Record<string, string> = {}): Promise<Told> {
  const command = ["build", "--progress=plain", ...flags, context];
  const { code, stdout, stderr } = await daemon.gantry(command, { env, timeoutMs: 60_000 });
  return { code, text: stdout + stderr };
}

async function dockerBuild(context: string, buildkit: "0" | "1", flags: string[] = []): Promise<Told> {
  const command = [DOCKER, "build", ...flags, context];
  const { code, stdout, stderr } = await daemon.client(command, { env: { DOCKER_BUILDKIT: buildkit } });
  return { code, text: stdout + stderr };
}

const REMOVAL = 'a layer cannot hold a file whose name begins with ".wh."';

test.each([
  ["RUN touch /.wh.bin", `"/.wh.bin": ${REMOVAL}`],
  ["RUN mkdir /d && touch /d/.wh..wh..opq", `"/d/.wh..wh..opq": ${REMOVAL}`],
  ["RUN mknod /etc/gone c 0 0", "Operation not permitted"],
  ["RUN --mount=type=cache,target=/proc/sys true", "cannot be mounted because it is inside /proc"],
  ["RUN --mount=type=tmpfs,target=/proc true", "cannot be mounted because it is inside /proc"],
  ["RUN --mount=type=cache,target=/ true", "invalid mount target"],
  ["RUN --mount=type=cache,target=/etc/passwd true", 'mounting at "/etc/passwd"'],
  ["RUN --network=host true", "network.host is not allowed"],
  ["RUN --security=insecure true", "security.insecure is not allowed"],
  ["RUN ln -s /loop2 /loop1; ln -s /loop1 /loop2\nCOPY Dockerfile /loop1/x", "too many links"],
  ["RUN rm /etc/passwd && mkfifo /etc/passwd\nCOPY --chown=someone Dockerfile /x", "not a regular file"],
])(
  "attacks 40-46: %p is refused, by whichever client",
  async (line, message) => {
    const context = contextOf(`# syntax=docker/dockerfile:1-labs\nFROM busybox\n${line}\n`);
    const ours = await build(context);
    expect([ours.code === 0, ours.text]).toEqual([false, expect.stringContaining(message)]);
    if (noDocker !== undefined) return;
    const theirs = await dockerBuild(context, "1");
    expect([theirs.code === 0, theirs.text]).toEqual([false, expect.stringContaining(message)]);
  },
  60_000,
);

test("attack 40: a context's device 0:0 and .wh. names are refused, since in a layer they would remove files", async () => {
  const device = contextOf("FROM busybox\nCOPY . /etc/\n");
  await runProgram(["mknod", join(device, "passwd"), "c", "0", "0"]);
  const marked = contextOf("FROM busybox\nCOPY . /etc/\n");
  writeFileSync(join(marked, ".wh.group"), "");
  const refused = async (context: string, message: string) => {
    const told = [await build(context)];
    if (noDocker === undefined) told.push(await dockerBuild(context, "1"), await dockerBuild(context, "0"));
    for (const { code, text } of told) expect([code === 0, text]).toEqual([false, expect.stringContaining(message)]);
  };
  await refused(device, "device 0:0");
  await refused(marked, REMOVAL);
  // Whoever has such a file and does not mean it leaves it out.
  writeFileSync(join(marked, ".dockerignore"), "**/.wh.*\n");
  expect((await build(marked)).code).toBe(0);
}, 60_000);

test("attack 42: destinations through a base's links stay inside, wherever they point to", async () => {
  const proof = `gantry-proof-${process.pid}`;
  const context = contextOf(`FROM busybox AS base
RUN mkdir /real && ln -s /../../../etc /out && ln -s /proc/1/root /magic && ln -s ../../../../tmp /up
FROM base
COPY Dockerfile /out/${proof}
COPY Dockerfile /up/${proof}
COPY Dockerfile /magic/tmp/${proof}
WORKDIR /out/${proof}.d
RUN ls -d /etc/${proof} /tmp/${proof} /etc/${proof}.d && ls /proc/1/root >/dev/null && pwd
`);
  const { code, text } = await build(context);
  expect([code, text]).toEqual([0, expect.stringMatching(new RegExp(`/etc/${proof}\\n(.*\\n)*.*/etc/${proof}\\.d`))]);
  for (const directory of ["/etc", "/tmp", "/"]) {
    expect(readdirSync(directory).filter((name) => name.startsWith(proof))).toEqual([]);
  }
}, 60_000);

test("attack 45: no secret of a build is in what it leaves: files, caches, attestations, logs, errors, processes", async () => {
  const secret = "hush-55190-hush";
  const seen = join(place, "commands");
  const context = contextOf(`FROM busybox
RUN --mount=type=secret,id=file --mount=type=secret,id=env,env=TOKEN --mount=type=secret,id=file,target=/deep/file \
  test -n "$TOKEN" && test -s /run/secrets/file && cmp /run/secrets/file /deep/file && echo "$HTTP_PROXY" | wc -c > /length
COPY Dockerfile /copied
RUN --mount=type=secret,id=file,required=true cat /run/secrets/file > /dev/null; sleep 0.3
`);
  writeFileSync(join(place, "secret"), `${secret}-file`);
  const proxy = `http://user:${secret}-proxy@127.0.0.1:9/`;
  const commands = (async () => {
    for (let at = 0; at < 20; at++) {
      const { stdout } = await runProgram(["sh", "-c", "cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' '"]);
      writeFileSync(seen, stdout, { flag: "a" });
      await Bun.sleep(20);
    }
  })();
  const config = join(place, "proxies");
  mkdirSync(config);
  writeFileSync(join(config, "config.json"), JSON.stringify({ proxies: { default: { httpProxy: proxy } } }));
  const { code, text } = await build(
    context,
    [
      `--secret=id=file,src=${place}/secret`,
      "--secret=id=env,env=HUSH",
      "--provenance=mode=max",
      "--sbom=true",
      "--tag=quiet",
      "--output=type=image,name=quiet",
      `--output=type=oci,dest=${place}/quiet.tar`,
      `--cache-to=type=local,dest=${place}/cache,mode=max`,
      `--metadata-file=${place}/metadata`,
    ],
    { HUSH: `${secret}-env`, DOCKER_CONFIG: config },
  );
  expect([code, code === 0 ? "" : text]).toEqual([0, ""]);
  await commands;
  expect(readFileSync(seen, "utf8")).toContain("gantry");
  // A step that fails, and sources that cannot be had, tell what went wrong and no more.
  const failing = contextOf(`FROM busybox\nRUN --mount=type=secret,id=file,target=/proc/x true\n`);
  const url = `http://user:${secret}-url@127.0.0.1:9`;
  const unreachable = ["x", "x.git#main"].map((name) => contextOf(`FROM busybox\nADD ${url}/${name} /x\n`));
  const told = [text];
  for (const one of [failing, ...unreachable]) {
    const failed = await build(one, [`--secret=id=file,src=${place}/secret`]);
    expect(failed.code).not.toBe(0);
    // The Dockerfile's own line is shown to whoever has sent it.
    told.push(
      failed.text
        .split("\n")
        .filter((line) => !/^ +\d+ \| /.test(line))
        .join("\n"),
    );
  }
  for (const args of [
    ["inspect", "quiet"],
    ["history", "--no-trunc", "quiet"],
    ["system", "df", "-v"],
  ])
    told.push((await daemon.gantry(args)).stdout);
  const history = await daemon.gantry(["builder", "history", "ls", "--format", "{{.Ref}}"]);
  for (const ref of history.stdout.trim().split("\n"))
    told.push((await daemon.gantry(["builder", "history", "logs", ref])).stdout);
  told.push(daemon.log(), readFileSync(seen, "utf8"));
  for (const one of told) expect(one).not.toContain(secret);
  const everything = `mkdir ${place}/image && tar -C ${place}/image -xf ${place}/quiet.tar
for file in $(find ${daemon.dataRoot} ${daemon.execRoot} ${place}/image ${place}/cache ${place}/metadata -type f); do
  (gzip -dc "$file" 2>/dev/null || cat "$file") | grep -qaF ${secret} && echo "$file"; done; true`;
  expect((await runProgram(["sh", "-c", everything], { timeoutMs: 60_000 })).stdout).toBe("");
}, 120_000);

test("attack 46: a step that ignores every signal ends with its client, and so do those that it has left behind", async () => {
  const context = contextOf(
    `FROM busybox\nRUN trap '' TERM INT HUP QUIT; (setsid sh -c 'trap "" TERM HUP; sleep 8151' &); echo runs; while :; do sleep 8150; done\n`,
  );
  const gone = async () =>
    !(await runProgram(["ps", "-eo", "args"])).stdout.split("\n").some((line) => line.startsWith("sleep 815"));
  const client = Bun.spawn([process.execPath, join(import.meta.dir, "../../src/bin/gantry.ts"), "build", context], {
    env: { ...process.env, DOCKER_HOST: daemon.host },
    stdio: ["ignore", "ignore", "ignore"],
  });
  await until("it runs", async () => !(await gone()));
  client.kill("SIGKILL");
  await client.exited;
  await until("nothing of it runs", gone);
}, 60_000);
