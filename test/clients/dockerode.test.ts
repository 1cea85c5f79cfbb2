import { afterAll, beforeAll, expect, test } from "bun:test";
import { PassThrough } from "node:stream";
import Docker from "dockerode";
import { startDaemon, type TestDaemon } from "../harness/daemon.ts";
import { until } from "../harness/until.ts";

let daemon: TestDaemon;
let docker: Docker;

beforeAll(async () => {
  daemon = await startDaemon();
  docker = new Docker({ socketPath: daemon.socket });
}, 60_000);
afterAll(() => daemon?.[Symbol.asyncDispose](), 60_000);

test("run gives output and status code", async () => {
  const output = new PassThrough();
  const chunks: Buffer[] = [];
  output.on("data", (chunk: Buffer) => chunks.push(chunk));
  const [result, container] = (await docker.run("busybox", ["sh", "-c", "echo from dockerode; exit 3"], output)) as [
    { StatusCode: number },
    Docker.Container,
  ];
  expect(result.StatusCode).toBe(3);
  expect(Buffer.concat(chunks).toString()).toContain("from dockerode");
  await container.remove();
});

test("exec with a hijacked input gives back what was sent", async () => {
  const container = await docker.createContainer({ Image: "busybox", Cmd: ["sleep", "60"] });
  await container.start();
  const exec = await container.exec({ Cmd: ["cat"], AttachStdin: true, AttachStdout: true, AttachStderr: true });
  const stream = await exec.start({ hijack: true, stdin: true });
  const stdout = new PassThrough();
  container.modem.demuxStream(stream, stdout, new PassThrough());
  const chunks: Buffer[] = [];
  stdout.on("data", (chunk: Buffer) => chunks.push(chunk));
  stream.end("hello exec\n");
  await new Promise((resolve) => stream.on("end", resolve));
  expect(Buffer.concat(chunks).toString()).toBe("hello exec\n");
  expect((await exec.inspect()).ExitCode).toBe(0);
  await container.remove({ force: true });
});

test("list, inspect, logs, wait and events agree", async () => {
  const events = (await docker.getEvents({ filters: { type: ["container"] } })) as NodeJS.ReadableStream;
  let received = "";
  events.on("data", (chunk: Buffer) => {
    received += chunk.toString();
  });
  const container = await docker.createContainer({
    Image: "busybox",
    name: "seen",
    Cmd: ["sh", "-c", "echo a; echo b"],
  });
  await container.start();
  expect((await container.wait()).StatusCode).toBe(0);
  const [listed] = await docker.listContainers({ all: true, filters: { name: ["seen"] } });
  expect(listed?.State).toBe("exited");
  expect((await container.inspect()).State.Status).toBe("exited");
  const logs = (await container.logs({ stdout: true, stderr: true })) as unknown as Buffer;
  expect(logs.toString().replace(/[^ab]/g, "")).toBe("ab");
  await container.remove();
  const life = ["create", "start", "die", "destroy"];
  const seen = () =>
    received
      .split("\n")
      .slice(0, -1)
      .map((line) => (JSON.parse(line) as { Action: string }).Action)
      .filter((action) => life.includes(action));
  await until("the last event arrives", () => seen().includes("destroy"));
  (events as unknown as { destroy(): void }).destroy();
  expect(seen()).toEqual(life);
});

test("an error carries the status code and the daemon's words", async () => {
  const failure = await docker
    .getContainer("nobody")
    .inspect()
    .then(
      () => undefined,
      (error: { statusCode: number; json: { message: string } }) => error,
    );
  expect(failure?.statusCode).toBe(404);
  expect(failure?.json.message).toBe("No such container: nobody");
});

test("nothing is left when every container is removed", async () => {
  expect(await daemon.leakCheck()).toEqual([]);
});
