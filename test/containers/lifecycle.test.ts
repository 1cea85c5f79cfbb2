import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import type { ContainerSpec } from "../../src/containers/container-spec.ts";
import type { Attachment } from "../../src/runtime/launcher/launcher.ts";
import { until } from "../harness/until.ts";
import { containerSpec } from "./spec.ts";
import { leftovers, openTestContainers, removeTerritory, type TestContainers } from "./territory.ts";

const directory = mkdtempSync(`${tmpdir()}/gantry-containers-`);
let system: TestContainers;

beforeAll(async () => {
  system = await openTestContainers(directory);
  await system.containers.recover();
});
afterAll(() => removeTerritory(directory, system));

/** Every test removes its containers; then nothing of them is left. */
afterEach(async () => {
  const { containers, events, endpoints } = system;
  for (const { id } of await containers.list({ all: true, limit: 0, size: false, filters: {} })) {
    await containers.remove(id, { force: true, volumes: true, link: false });
  }
  events.length = 0;
  expect(endpoints.size).toBe(0);
  // The files of removed snapshots are deleted in the background.
  await until("nothing is left", () => leftovers(directory).length === 0);
});

const never = new AbortController().signal;

async function output(stream: AsyncIterable<Uint8Array>): Promise<string> {
  const pieces: Uint8Array[] = [];
  for await (const piece of stream) pieces.push(piece);
  return Buffer.concat(pieces).toString();
}

/** The text of what a promise is rejected with. */
async function rejectionOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => "nothing was thrown",
    (error: Error) => error.message,
  );
}

function frame(stream: 1 | 2, text: string): string {
  const header = Buffer.from([stream, 0, 0, 0, 0, 0, 0, 0]);
  header.writeUInt32BE(Buffer.byteLength(text), 4);
  return header.toString() + text;
}

async function run(command: string[], changes: Partial<ContainerSpec> = {}): Promise<string> {
  const { id } = await system.containers.create(containerSpec(command, changes));
  await system.containers.start(id);
  return id;
}

async function logsOf(id: string): Promise<string> {
  const request = { follow: true, stdout: true, stderr: true, timestamps: false, details: false };
  return output((await system.containers.logs(id, request, never)).stream);
}

/** A shell that handles SIGTERM, and says when it does. */
const GRACEFUL = ["sh", "-c", "trap 'exit 5' TERM; echo ready; while :; do sleep 0.05; done"];

async function ready(id: string): Promise<void> {
  await until("the container is ready", async () => {
    const request = { follow: false, stdout: true, stderr: true, timestamps: false, details: false };
    return (await output((await system.containers.logs(id, request, never)).stream)).includes("ready");
  });
}

const statusOf = async (id: string) => (await system.containers.get(id)).state.status;
const actions = () => system.events.map((event) => event.action);

describe("a run", () => {
  test("ends with the code of its process, its output in the log", async () => {
    const { containers } = system;
    const { id } = await containers.create(containerSpec(["sh", "-c", "echo hello; exit 3"], { name: "first" }));
    const { result } = containers.wait(id, "next-exit", never);
    expect(await containers.start("first")).toEqual({ changed: true });
    expect(await result).toEqual({ code: 3 });
    expect((await containers.get(id)).state).toMatchObject({ status: "exited", exit: { code: 3 } });
    expect(await logsOf(id)).toBe(frame(1, "hello\n"));
    expect(actions()).toEqual(["create", "start", "die"]);
    expect(await containers.start(id)).toEqual({ changed: true });
  });

  test("with --rm it is gone when the waiting client hears of it", async () => {
    const { containers } = system;
    const { id } = await containers.create(containerSpec(["sh", "-c", "exit 4"], { autoRemove: true }));
    const { result } = containers.wait(id, "removed", never);
    await containers.start(id);
    expect(await result).toEqual({ code: 4 });
    expect(await rejectionOf(containers.get(id))).toContain(`No such container: ${id}`);
    expect(actions()).toEqual(["create", "start", "die", "destroy"]);
  });

  test("a client that attached before the start misses nothing, and its end of input reaches the process", async () => {
    const { containers } = system;
    const streams = { attachStdin: true, attachStdout: true, attachStderr: true, openStdin: true, stdinOnce: true };
    const { id } = await containers.create(containerSpec(["sh", "-c", "echo out; cat; echo err >&2"], { streams }));
    const attachment = await containers.attach(id, { stdin: true, stdout: true, stderr: true });
    const seen = output(attachment);
    attachment.end("input\n");
    await containers.start(id);
    expect(await seen).toBe(frame(1, "out\n") + frame(1, "input\n") + frame(2, "err\n"));
  });

  test("attaching to a running container shows what comes from then on", async () => {
    const { containers } = system;
    const streams = { attachStdin: true, attachStdout: true, attachStderr: true, openStdin: true, stdinOnce: true };
    const id = await run(["sh", "-c", "read line; echo got $line"], { streams });
    const attachment: Attachment = await containers.attach(id, { stdin: true, stdout: true, stderr: true });
    const seen = output(attachment);
    attachment.end("word\n");
    expect(await seen).toBe(frame(1, "got word\n"));
  });

  test("a program that is not there leaves the container created, with 127 and Docker's words", async () => {
    const { containers } = system;
    const { id } = await containers.create(containerSpec(["nope"]));
    const attachment = await containers.attach(id, { stdin: false, stdout: true, stderr: true });
    const seen = output(attachment);
    expect(await rejectionOf(containers.start(id))).toContain('exec: "nope": executable file not found in $PATH');
    expect(await seen).toBe("");
    expect((await containers.get(id)).state).toMatchObject({ status: "created", failure: { code: 127 } });
    expect(system.endpoints.size).toBe(0);
  });

  test("one that may not be executed gives 126", async () => {
    const { containers } = system;
    const { id } = await containers.create(containerSpec(["/etc/passwd"]));
    expect(await rejectionOf(containers.start(id))).toContain('exec: "/etc/passwd": permission denied');
    await until("the failure is known", async () => (await containers.get(id)).state.status === "created");
    expect((await containers.get(id)).state).toMatchObject({ failure: { code: 126 } });
  });
});

describe("stopping", () => {
  test("lets a process that handles the signal end by itself", async () => {
    const id = await run(GRACEFUL);
    await ready(id);
    expect(await system.containers.stop(id, {})).toEqual({ changed: true });
    expect((await system.containers.get(id)).state).toMatchObject({ exit: { code: 5, signal: 0 } });
    expect(actions()).toEqual(["create", "start", "kill", "die", "stop"]);
    expect(await system.containers.stop(id, {})).toEqual({ changed: false });
  });

  test("kills at once what cannot hear the signal", async () => {
    const id = await run(["sleep", "600"]);
    const began = performance.now();
    await system.containers.stop(id, {});
    expect(performance.now() - began).toBeLessThan(3000);
    expect((await system.containers.get(id)).state).toMatchObject({ exit: { code: 137, signal: 9 } });
  });

  test("kills after the time-out", async () => {
    const id = await run(["sh", "-c", "trap '' TERM; trap 'echo no' TERM; echo ready; while :; do sleep 0.05; done"]);
    await ready(id);
    const began = performance.now();
    await system.containers.stop(id, { timeoutSeconds: 1 });
    expect(performance.now() - began).toBeGreaterThan(990);
    expect((await system.containers.get(id)).state).toMatchObject({ exit: { code: 137 } });
  });

  test("kill refuses unknown signals and containers that do not run", async () => {
    const { containers } = system;
    const id = await run(GRACEFUL, { name: "kk" });
    expect(await rejectionOf(containers.kill(id, "NONSENSE"))).toContain("Invalid signal: NONSENSE");
    await containers.kill("kk", "KILL");
    expect(await statusOf(id)).toBe("exited");
    expect(await rejectionOf(containers.kill("kk", "KILL"))).toContain(
      `cannot kill container: kk: container ${id} is not running`,
    );
  });

  test("a paused container stops, too", async () => {
    const { containers } = system;
    const id = await run(GRACEFUL);
    await ready(id);
    await containers.pause(id);
    expect(await statusOf(id)).toBe("paused");
    expect(await rejectionOf(containers.start(id))).toContain("cannot start a paused container, try unpause instead");
    await containers.stop(id, { timeoutSeconds: 5 });
    expect((await containers.get(id)).state).toMatchObject({ exit: { code: 5 } });
  });

  test("restart starts it again; with --rm it stays", async () => {
    const { containers } = system;
    const id = await run(GRACEFUL, { autoRemove: true });
    await ready(id);
    await containers.restart(id, {});
    expect(await statusOf(id)).toBe("running");
    expect(actions().slice(-3)).toEqual(["stop", "start", "restart"]);
  });
});

describe("restart policies", () => {
  test("on-failure starts again until its limit", async () => {
    const id = await run(["sh", "-c", "exit 2"], { restart: { name: "on-failure", maximumRetryCount: 2 } });
    await until("the policy gives up", async () => (await statusOf(id)) === "exited", { timeoutMs: 5000 });
    expect((await system.containers.get(id)).restartCount).toBe(2);
    expect(actions().filter((action) => action === "start")).toHaveLength(3);
  });

  test("a stop ends the waiting for the next start", async () => {
    const id = await run(["sh", "-c", "exit 2"], { restart: { name: "always", maximumRetryCount: 0 } });
    await until("it waits", async () => (await statusOf(id)) === "restarting", { timeoutMs: 5000 });
    expect(await system.containers.stop(id, {})).toEqual({ changed: true });
    expect(await statusOf(id)).toBe("exited");
  });
});

describe("removing", () => {
  test("a running container needs force", async () => {
    const id = await run(["sleep", "600"], { name: "busy" });
    const { containers } = system;
    const options = { force: false, volumes: false, link: false };
    expect(await rejectionOf(containers.remove("busy", options))).toContain(
      'cannot remove container "/busy": container is running: stop the container before removing or force remove',
    );
    await containers.remove(id, { ...options, force: true });
    expect(await rejectionOf(containers.get(id))).toContain("No such container");
  });

  test("of two removals at once both end well or one is told that it is under way", async () => {
    const id = await run(["sleep", "600"]);
    const options = { force: true, volumes: false, link: false };
    const results = await Promise.allSettled([1, 2, 3].map(() => system.containers.remove(id, options)));
    for (const result of results) {
      if (result.status === "rejected") {
        expect(String(result.reason)).toMatch(/removal of container .* is already in progress|No such container/);
      }
    }
    expect(results.some((result) => result.status === "fulfilled")).toBe(true);
  });

  test("anonymous volumes go with -v, named ones stay until they are removed", async () => {
    const { containers, volumes } = system;
    const mount = {
      type: "volume",
      source: "keep",
      driver: "",
      driverOptions: {},
      labels: {},
      noCopy: false,
      subpath: "",
      destination: "/keep",
      readOnly: false,
      from: "binds",
      mode: "",
    } as const;
    const { id } = await containers.create(containerSpec(["true"], { mounts: [mount], anonymousVolumes: ["/anon"] }));
    expect((await volumes.list({})).volumes).toHaveLength(2);
    expect(await rejectionOf(volumes.remove("keep", { force: false }))).toContain(
      `remove keep: volume is in use - [${id}]`,
    );
    await containers.remove(id, { force: false, volumes: true, link: false });
    expect((await volumes.list({})).volumes.map((volume) => volume.name)).toEqual(["keep"]);
    await volumes.remove("keep", { force: false });
  });
});

describe("exec", () => {
  const spec = (command: string[], changes = {}) => ({
    command,
    environment: ["EXTRA=1"],
    workingDir: "",
    user: "",
    tty: false,
    privileged: false,
    attachStdin: false,
    attachStdout: true,
    attachStderr: true,
    detachKeys: "",
    consoleSize: [0, 0] as [number, number],
    ...changes,
  });
  const options = { detach: false, tty: false, signal: never };

  test("runs inside, and keeps its exit code for inspect", async () => {
    const { containers } = system;
    const id = await run(["sleep", "600"], { name: "host" });
    const exec = await containers.createExec(
      "host",
      spec(["sh", "-c", "echo $EXTRA $$; id -u; exit 6"], { user: "nobody" }),
    );
    const attachment = await containers.startExec(exec, options);
    expect(await output(attachment as Attachment)).toMatch(/1 \d+\n.*65534\n/s);
    await until("the exec has ended", async () => !(await containers.getExec(exec)).running);
    expect(await containers.getExec(exec)).toMatchObject({ exitCode: 6, containerId: id });
    expect(actions()).toContain("exec_die");
    expect(await rejectionOf(containers.startExec(exec, options))).toContain(`Exec command ${exec} has already run`);
  });

  test("a program that is not there is 127 in Docker's words", async () => {
    const { containers } = system;
    const id = await run(["sleep", "600"]);
    const exec = await containers.createExec(id, spec(["nope"]));
    expect(await rejectionOf(containers.startExec(exec, options))).toContain(
      'OCI runtime exec failed: exec failed: unable to start container process: exec: "nope": executable file not found in $PATH',
    );
    await until("the failure is known", async () => (await containers.getExec(exec)).exitCode === 127);
  });

  test("needs a running container", async () => {
    const { containers } = system;
    const { id } = await containers.create(containerSpec(["true"]));
    expect(await rejectionOf(containers.createExec(id, spec(["true"])))).toContain(`container ${id} is not running`);
    expect(await rejectionOf(containers.getExec("nope"))).toContain("No such exec instance: nope");
  });
});

describe("mounts", () => {
  test("binds, tmpfs and read-only mounts are where they belong", async () => {
    const bind = {
      type: "bind",
      source: `${directory}/made/by/-v`,
      createSource: true,
      nonRecursive: false,
      readOnlyNonRecursive: false,
      readOnlyForceRecursive: false,
      destination: "/b",
      readOnly: true,
      from: "binds",
      mode: "ro",
    } as const;
    const script = "touch /b/x 2>/dev/null || echo ro; touch /t/y && echo rw; cat /etc/hostname; grep -c . /etc/hosts";
    const id = await run(["sh", "-c", script], { mounts: [bind], tmpfs: { "/t": "size=1m" }, hostname: "named" });
    expect(await logsOf(id)).toContain("ro\n");
    expect(await logsOf(id)).toContain("rw\n");
    expect(await logsOf(id)).toContain("named\n");
  });

  test("a container can join another's namespaces", async () => {
    const { containers } = system;
    await run(["sleep", "600"], {
      name: "donor",
      namespaces: { pid: "", ipc: "shareable", uts: "", user: "", cgroup: "" },
    });
    const network = { ...containerSpec([]).network, mode: "container:donor" };
    const namespaces = { pid: "container:donor", ipc: "container:donor", uts: "", user: "", cgroup: "" };
    const id = await run(["sh", "-c", "ps | grep -c 'sleep 600'; cat /proc/1/comm"], { network, namespaces });
    expect(await logsOf(id)).toContain("sleep\n");
    await containers.stop("donor", {});
    const late = await containers.create(containerSpec(["true"], { namespaces }));
    expect(await rejectionOf(containers.start(late.id))).toContain("container");
  });
});
