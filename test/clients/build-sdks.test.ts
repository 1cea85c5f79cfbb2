import { afterAll, beforeAll, expect, test } from "bun:test";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import Docker from "dockerode";
import { startDaemon, type TestDaemon } from "../harness/daemon.ts";

/** Builds by libraries, and by the compose that is written with one of them. */
let daemon: TestDaemon;
let context: string;

beforeAll(async () => {
  daemon = await startDaemon();
  context = join(daemon.directory, "context");
  mkdirSync(context);
  writeFileSync(
    join(context, "Dockerfile"),
    'FROM busybox\nARG WORD=none\nRUN echo "$WORD" > /word\nCMD ["cat", "/word"]\n',
  );
  writeFileSync(join(context, "docker-compose.yml"), COMPOSE);
}, 60_000);
afterAll(() => daemon?.[Symbol.asyncDispose](), 60_000);

const COMPOSE = `version: "3.7"
services:
  one:
    build: {context: ., args: {WORD: composed}, labels: {who: compose}}
    image: composed:1
  two:
    build: {context: ., dockerfile: Dockerfile, target: ""}
    image: composed:2
`;

const hasPython = existsSync("/usr/lib/python3/dist-packages/docker/__init__.py");
const hasCompose = existsSync("/usr/bin/docker-compose");

test.skipIf(!hasPython)("python3-docker builds (python3-docker must be installed)", async () => {
  const command = ["/usr/bin/python3", join(import.meta.dir, "build-python.py"), context];
  const { stdout, stderr } = await daemon.client(command, { timeoutMs: 50_000 });
  expect(stderr).toBe("");
  expect(stdout.trim().split("\n").at(-1)).toBe("all done");
});

test.skipIf(!hasCompose)(
  "docker-compose 1.29 builds, by both protocols (docker-compose must be installed)",
  async () => {
    for (const buildkit of ["0", "1"]) {
      const both = { COMPOSE_DOCKER_CLI_BUILD: buildkit, DOCKER_BUILDKIT: buildkit, COMPOSE_PROJECT_NAME: "p" };
      // The `docker` that compose calls is the one with BuildKit inside.
      const env = { ...both, PATH: "/usr/bin:/bin" };
      const built = await daemon.client(["/usr/bin/docker-compose", "build"], { cwd: context, env, timeoutMs: 60_000 });
      expect([built.code, built.code === 0 ? "" : built.stdout + built.stderr]).toEqual([0, ""]);
      const said = await daemon.client(["/usr/bin/docker", "run", "--rm", "composed:1"]);
      expect(said.stdout).toBe("composed\n");
      await daemon.client(["/usr/bin/docker", "rmi", "composed:1", "composed:2"]);
    }
  },
);

interface Message {
  stream?: string;
  error?: string;
  aux?: { ID: string };
}

async function follow(docker: Docker, stream: NodeJS.ReadableStream): Promise<Message[]> {
  return new Promise((resolve, reject) => {
    docker.modem.followProgress(stream, (error, messages) => {
      if (error === null) resolve(messages as Message[]);
      else reject(error);
    });
  });
}

test("dockerode builds by the classic protocol, with all that it passes", async () => {
  const docker = new Docker({ socketPath: daemon.socket });
  const source = { context, src: ["Dockerfile"] };
  const stream = await docker.buildImage(source, { t: "ode:1", buildargs: { WORD: "ode" }, labels: { a: "b" } });
  const messages = await follow(docker, stream);
  expect(messages.map(({ stream: text = "" }) => text).join("")).toContain("Successfully tagged ode:1");
  expect(messages.find(({ aux }) => aux !== undefined)?.aux?.ID).toMatch(/^sha256:/);
  const said = await daemon.client(["/usr/bin/docker", "run", "--rm", "ode:1"]);
  expect(said.stdout).toBe("ode\n");
});

test("dockerode builds by BuildKit, with a session of grpc-js for its account", async () => {
  const docker = new Docker({ socketPath: daemon.socket });
  const auth = { username: "u", password: "p" };
  const stream = await docker.buildImage(
    { context, src: ["Dockerfile"] },
    { t: "ode:2", version: "2", authconfig: auth },
  );
  const messages = await follow(docker, stream);
  expect(messages.filter(({ error }) => error !== undefined)).toEqual([]);
  const said = await daemon.client(["/usr/bin/docker", "run", "--rm", "ode:2"]);
  expect(said.stdout).toBe("none\n");
});

test("nothing is left when every container is removed", async () => {
  expect(await daemon.leakCheck()).toEqual([]);
});
