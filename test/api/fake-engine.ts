import { PassThrough } from "node:stream";
import { createSystemClock } from "../../src/base/clock.ts";
import { EngineError, notFound } from "../../src/base/errors.ts";
import type { Builder } from "../../src/builder/builder.ts";
import type { ContainerSpec } from "../../src/containers/container-spec.ts";
import type { Container, Containers, Exec } from "../../src/containers/containers.ts";
import type { Engine } from "../../src/engine/engine.ts";
import { createEventBus } from "../../src/engine/event-bus.ts";
import type { Image, Images } from "../../src/images/images.ts";
import type { Network, Networks } from "../../src/networks/networks.ts";
import type { Attachment, AttachRequest } from "../../src/runtime/launcher/launcher.ts";
import type { Volume, Volumes } from "../../src/volumes/volumes.ts";
import { encodeFrame, STDOUT } from "../../src/wire/stdcopy.ts";
import { EchoAttachment } from "./echo-attachment.ts";
import { createFakeBuilder } from "./fake-builder.ts";
import { fakeDistribution } from "./fake-distribution.ts";
import { INFO } from "./fake-info.ts";

/** An engine without a kernel: one image, containers that only exist in memory, streams that echo. */
export interface FakeEngine extends Engine {
  /** What was called, as `method argument`. */
  calls: string[];
  specs: Map<string, ContainerSpec>;
  attachments: { request: AttachRequest | undefined; stream: Attachment }[];
  /** Called by `wait`; resolves it. */
  exit(code: number): void;
}

export const IMAGE: Image = {
  id: `sha256:${"a".repeat(64)}`,
  repoTags: ["busybox:latest"],
  repoDigests: [],
  config: {
    architecture: "amd64",
    os: "linux",
    createdAt: new Date("2026-01-02T03:04:05Z"),
    author: "",
    user: "",
    exposedPorts: ["80/tcp"],
    environment: ["PATH=/bin"],
    entrypoint: null,
    command: ["sh"],
    volumes: [],
    workingDir: "",
    labels: { a: "b" },
    onBuild: [],
    shell: [],
    diffIds: [`sha256:${"d".repeat(64)}`] as unknown as Image["config"]["diffIds"],
    history: [],
  },
  comment: "",
  dockerVersion: "",
  sizeBytes: 4_000_000,
  chainId: undefined,
};

export function createFakeEngine(builder: Builder = createFakeBuilder()): FakeEngine {
  const clock = createSystemClock();
  const events = createEventBus(clock);
  const state = {
    calls: [] as string[],
    specs: new Map<string, ContainerSpec>(),
    attachments: [] as FakeEngine["attachments"],
  };
  let exit: (code: number) => void = () => undefined;
  const exited = new Promise<number>((resolve) => {
    exit = resolve;
  });
  return {
    ...state,
    exit: (code) => exit(code),
    events,
    containers: fakeContainers(state, exited),
    images: fakeImages(state),
    distribution: fakeDistribution(state.calls),
    networks: fakeNetworks(),
    volumes: fakeVolumes(),
    system: { info: async () => INFO },
    disk: {
      usage: async ({ kinds, directories }) => ({
        ...(kinds.includes("image") ? { images: await fakeImages(state).usage() } : {}),
        ...(kinds.includes("build-cache") ? { buildCache: await builder.cache() } : {}),
        ...(directories ? { directories: [{ path: "/data", purpose: "all", bytes: 7, entries: 2 }] } : {}),
      }),
      check: async ({ repair }) => ({
        problems: [{ kind: "orphan", object: "/x", fault: "is no blob", repaired: repair }],
        blobs: 1,
        blobBytes: 2,
        layers: 3,
        images: 4,
      }),
      why: async (path) => ({ path, object: { kind: "engine", id: "" }, keptBy: [] }),
    },
    builder,
    close: async () => undefined,
  };
}

type State = Pick<FakeEngine, "calls" | "specs" | "attachments">;

function fakeContainers({ calls, specs, attachments }: State, exited: Promise<number>): Containers {
  const execs = new Map<string, Exec>();
  const find = (reference: string) => {
    const name = reference.replace(/^\//, "");
    const found = [...specs].find(([id, spec]) => spec.name === name || (name.length > 3 && id.startsWith(name)));
    if (found === undefined) throw notFound("container", reference);
    return viewOf(...found);
  };
  const note =
    (method: string) =>
    async (reference: string, ...rest: unknown[]): Promise<never> => {
      calls.push(`${method} ${find(reference).spec.name} ${JSON.stringify(rest)}`);
      return { changed: true } as never;
    };
  const open = (request: AttachRequest | undefined, tty: boolean) => {
    const stream = new EchoAttachment(tty);
    attachments.push({ request, stream });
    return stream;
  };
  return {
    async create(spec) {
      if ([...specs.values()].some(({ name }) => name === spec.name && name !== "")) {
        throw new EngineError("conflict", `Conflict. The container name "/${spec.name}" is already in use`);
      }
      const id = String(specs.size + 1).padStart(64, "c");
      specs.set(id, spec);
      calls.push(`create ${spec.name}`);
      return { id, warnings: [] };
    },
    start: note("start"),
    stop: note("stop"),
    restart: note("restart"),
    kill: note("kill"),
    pause: note("pause"),
    unpause: note("unpause"),
    rename: note("rename"),
    pathStatus: note("pathStatus"),
    readArchive: note("readArchive"),
    writeArchive: note("writeArchive"),
    changes: note("changes"),
    export: note("export"),
    commit: note("commit"),
    remove: note("remove"),
    prune: async (filters) => {
      calls.push(`prune ${JSON.stringify(filters)}`);
      return { removed: [], reclaimedBytes: 0 };
    },
    wait(reference) {
      find(reference);
      return { result: exited.then((code) => ({ code })) };
    },
    get: async (reference) => find(reference),
    list: async (options) => {
      calls.push(`list ${JSON.stringify(options)}`);
      return [...specs].map(([id, spec]) => viewOf(id, spec));
    },
    async attach(reference, request) {
      const { spec } = find(reference);
      if (spec.name === "paused") {
        throw new EngineError("conflict", "Container paused is paused. Unpause the container before attach.");
      }
      return open(request, spec.process.tty);
    },
    async logs(reference, request) {
      const { spec } = find(reference);
      const { tty } = spec.process;
      const line = new TextEncoder().encode("logged\n");
      return { tty, stream: logLines(tty ? line : encodeFrame(STDOUT, line), request.follow, exited) };
    },
    resize: note("resize"),
    async top(reference) {
      find(reference);
      return { titles: ["PID", "CMD"], processes: [["1", "sh"]] };
    },
    async createExec(reference, spec) {
      const { id: containerId } = find(reference);
      const id = String(execs.size + 1).padStart(64, "e");
      execs.set(id, { id, containerId, spec, running: false });
      return id;
    },
    async startExec(id, { detach }) {
      const exec = execs.get(id);
      if (exec === undefined) throw notFound("exec instance", id);
      calls.push(`startExec ${detach}`);
      if (exec.spec.command[0] === "missing") throw new EngineError("invalid-argument", "exec: not found");
      return detach ? undefined : open(undefined, exec.spec.tty);
    },
    async getExec(id) {
      const exec = execs.get(id);
      if (exec === undefined) throw notFound("exec instance", id);
      return { ...exec, exitCode: 0 };
    },
    async execEnded() {},
    async resizeExec(id, rows, columns) {
      calls.push(`resizeExec ${rows} ${columns} ${execs.has(id)}`);
    },
  };
}

async function* logLines(line: Uint8Array, follow: boolean, exited: Promise<unknown>): AsyncGenerator<Uint8Array> {
  yield line;
  if (follow) await exited;
}

function viewOf(id: string, spec: ContainerSpec): Container {
  return {
    id,
    createdAt: new Date("2026-01-02T03:04:05.678Z"),
    spec,
    path: "sh",
    args: ["-c", "a b"],
    environment: ["PATH=/bin", ...spec.process.environment],
    imageId: IMAGE.id,
    state: { status: "running", pid: 4242, startTicks: 1n, startedAt: new Date(Date.now() - 5000) },
    restartCount: 0,
    mounts: [
      {
        type: "volume",
        name: "v",
        source: "/volumes/v/_data",
        destination: "/data",
        driver: "local",
        mode: "z",
        readWrite: true,
        propagation: "",
      },
    ],
    endpoints: [
      {
        networkName: "bridge",
        networkId: "n".repeat(64),
        endpointId: "f".repeat(64),
        containerId: id,
        gateway: "172.17.0.1",
        ipAddress: "172.17.0.2",
        prefixLength: 16,
        macAddress: "02:42:ac:11:00:02",
        ports: [{ containerPort: 80, protocol: "tcp", hostIp: "", hostPort: 8080 }],
        aliases: [],
      },
    ],
    logPath: `/containers/${id}/${id}-json.log`,
    hostnamePath: `/containers/${id}/hostname`,
    hostsPath: `/containers/${id}/hosts`,
    resolvConfPath: `/containers/${id}/resolv.conf`,
    execIds: [],
    snapshotDirs: { lower: ["/l1", "/l2"], upper: "/u", work: "/w" },
  };
}

function fakeImages({ calls }: State): Images {
  const find = (reference: string) => {
    if (!["busybox", "busybox:latest", IMAGE.id, "host:5000/team/app:v1"].includes(reference)) {
      throw notFound("image", reference);
    }
    return IMAGE;
  };
  return {
    get: async (reference) => find(reference),
    list: async (options) => {
      calls.push(`images ${JSON.stringify(options)}`);
      return [IMAGE];
    },
    history: async (reference) => {
      find(reference);
      return [
        { id: IMAGE.id, createdAt: new Date(0), createdBy: "sh", tags: ["busybox:latest"], sizeBytes: 1, comment: "" },
      ];
    },
    async tag(reference, target) {
      calls.push(`tag ${find(reference).id.slice(0, 8)} ${target}`);
    },
    async remove(reference) {
      find(reference);
      return [{ untagged: "busybox:latest" }, { deleted: IMAGE.id }];
    },
    async usage() {
      const { sizeBytes } = IMAGE;
      const items = [{ image: IMAGE, sharedBytes: 1, containers: 1 }];
      return { items, layersBytes: sizeBytes, totalBytes: sizeBytes + 1, reclaimableBytes: 2 };
    },
    async prune(filters) {
      calls.push(`prune images ${JSON.stringify(filters)}`);
      return { removed: [{ deleted: IMAGE.id }], reclaimedBytes: 5 };
    },
    async load(archive, { report }) {
      let bytes = 0;
      for await (const chunk of archive) bytes += chunk.byteLength;
      if (bytes === 0) throw new EngineError("invalid-argument", "the archive is empty");
      report({ stream: `Loaded image: busybox:latest (${bytes})\n` });
      if (bytes === 3) throw new EngineError("invalid-argument", "unexpected end of the archive");
    },
    async save(references) {
      for (const reference of references) find(reference);
      return PassThrough.from([new Uint8Array(1024)]);
    },
    async importFrom(url, { repository, tag }) {
      calls.push(`import ${repository}:${tag} ${url}`);
      return IMAGE.id;
    },
    async import(archive, { repository, tag, changes }) {
      for await (const chunk of archive)
        calls.push(`import ${repository}:${tag} ${chunk.byteLength} ${changes.join("|")}`);
      return IMAGE.id;
    },
  };
}

function fakeNetworks(): Networks {
  const bridge: Network = {
    id: "n".repeat(64),
    name: "bridge",
    driver: "bridge",
    scope: "local",
    createdAt: new Date(0),
    internal: false,
    enableIpv6: false,
    ipam: { driver: "default", config: [{ subnet: "172.17.0.0/16", gateway: "172.17.0.1" }] },
    options: {},
    labels: {},
    endpoints: [],
  };
  const unused = () => {
    throw new Error("not part of the API");
  };
  return {
    list: async () => [bridge],
    async get(reference) {
      if (reference !== "bridge") throw new EngineError("not-found", `network ${reference} not found`);
      return bridge;
    },
    attach: unused,
    detach: unused,
    restore: unused,
    loopbackMessages: unused,
    close: async () => undefined,
  };
}

function fakeVolumes(): Volumes {
  const volumes = new Map<string, Volume>();
  const unused = () => {
    throw new Error("not part of the API");
  };
  return {
    async create({ name, labels, options }) {
      const volume: Volume = {
        name: name || "random",
        driver: "local",
        mountpoint: `/volumes/${name}/_data`,
        createdAt: new Date(0),
        labels,
        options,
        scope: "local",
        anonymous: name === "",
      };
      volumes.set(volume.name, volume);
      return volume;
    },
    async get(name) {
      const volume = volumes.get(name);
      if (volume === undefined) throw new EngineError("not-found", `get ${name}: no such volume`);
      return volume;
    },
    list: async () => ({ volumes: [...volumes.values()], warnings: [] }),
    async remove(name) {
      volumes.delete(name);
    },
    prune: async () => ({ removed: [], reclaimedBytes: 0 }),
    holders: unused,
    hold: unused,
    release: unused,
    discard: unused,
  };
}
