import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { validateResponse } from "../api/swagger.ts";
import { busyboxImage, busyboxRootTar } from "../fixtures/busybox-image.ts";
import { startDaemon, type TestDaemon } from "../harness/daemon.ts";

/**
 * Every answer of every endpoint that this engine has, from a daemon with real containers, held against the Engine API's own
 * document; for the newest API version and for those between which the shapes changed.
 */
const VERSIONS = [24, 40, 43, 47, 51, 55];

let daemon: TestDaemon;
beforeAll(async () => {
  daemon = await startDaemon();
}, 60_000);
afterAll(() => daemon?.[Symbol.asyncDispose](), 60_000);

interface Answer {
  status: number;
  headers: Headers;
  text: string;
  json: unknown;
}

async function ask(version: number, method: string, path: string, body?: unknown): Promise<Answer> {
  const init: RequestInit = { method };
  if (body instanceof Blob) init.body = body;
  else if (body !== undefined) {
    init.body = JSON.stringify(body);
    init.headers = { "Content-Type": "application/json" };
  }
  const response = await daemon.request(`/v1.${version}${path}`, init);
  const text = await response.text();
  const isJson = response.headers.get("content-type")?.startsWith("application/json") === true;
  return {
    status: response.status,
    headers: response.headers,
    text,
    json: isJson && text !== "" ? parse(text) : undefined,
  };
}

/** One value, or the values of a stream's lines. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text
      .split("\n")
      .filter((line) => line.trim() !== "")
      .map((line) => JSON.parse(line) as unknown);
  }
}

/** What the document says against an answer; with the path, so that a failure names it. */
function faults(method: string, path: string, { status, text, json }: Answer): string[] {
  const plain = path.split("?")[0] ?? "";
  if (status === 204 || status === 304) return text === "" ? [] : [`${method} ${path} ${status} has a body`];
  return validateResponse(method, plain, status, json ?? text).map((fault) => `${method} ${path} ${status}: ${fault}`);
}

type Step = [status: number, method: string, path: string, body?: unknown];

/** Asks for one thing after the other; every fault of any answer. `{exec}` stands for the ID that the last create gave. */
async function faultsOf(version: number, steps: Step[]): Promise<string[]> {
  const found: string[] = [];
  let exec = "";
  for (const [status, method, template, body] of steps) {
    const path = template.replace("{exec}", exec);
    const answer = await ask(version, method, path, body);
    if (template.endsWith("/exec") && answer.status === 201) exec = (answer.json as { Id: string }).Id;
    if (answer.status !== status) found.push(`${method} ${path}: ${answer.status}, not ${status}: ${answer.text}`);
    found.push(...faults(method, path, answer));
  }
  return found;
}

const HOST_CONFIG = {
  Binds: ["named:/named", "/tmp:/host:ro"],
  Mounts: [{ Type: "tmpfs", Target: "/mem", TmpfsOptions: { SizeBytes: 1 << 20 } }],
  PortBindings: { "80/tcp": [{ HostIp: "127.0.0.1", HostPort: "" }] },
  RestartPolicy: { Name: "on-failure", MaximumRetryCount: 1 },
  Memory: 64 << 20,
  NanoCpus: 5e8,
  PidsLimit: 100,
  CapAdd: ["NET_ADMIN"],
  CapDrop: ["MKNOD"],
  Dns: ["192.0.2.1"],
  ExtraHosts: ["other:192.0.2.2"],
  Ulimits: [{ Name: "nofile", Soft: 100, Hard: 200 }],
  Sysctls: { "net.ipv4.ip_unprivileged_port_start": "0" },
  Tmpfs: { "/run": "size=64k" },
  Devices: [{ PathOnHost: "/dev/null", PathInContainer: "/dev/nothing", CgroupPermissions: "r" }],
  Init: true,
};
const CONTAINER = {
  Image: "busybox",
  Cmd: ["sh", "-c", "echo out; echo err >&2; while :; do sleep 1; done"],
  Env: ["A=b"],
  Labels: { a: "b" },
  ExposedPorts: { "80/tcp": {}, "90/udp": {} },
  Volumes: { "/anonymous": {} },
  StopSignal: "SIGKILL",
  HostConfig: HOST_CONFIG,
};
const LOGS = "stdout=1&stderr=1&timestamps=1";

/** A container's life, looked at in each of its states. */
const CONTAINER_LIFE: Step[] = [
  [201, "POST", "/containers/create?name=whole", CONTAINER],
  [200, "GET", "/containers/whole/json"],
  [200, "GET", "/containers/json?all=1"],
  [204, "POST", "/containers/whole/start"],
  [304, "POST", "/containers/whole/start"],
  [200, "GET", "/containers/whole/json?size=1"],
  [200, "GET", "/containers/json?size=1"],
  [200, "GET", "/containers/whole/top"],
  [200, "GET", "/containers/whole/top?ps_args=-o%20pid,comm"],
  [200, "GET", `/containers/whole/logs?${LOGS}`],
  [201, "POST", "/containers/whole/exec", { Cmd: ["sh", "-c", "exit 3"], AttachStdout: true }],
  [200, "GET", "/exec/{exec}/json"],
  [200, "POST", "/exec/{exec}/start", { Detach: true }],
  [200, "GET", "/exec/{exec}/json"],
  [200, "GET", "/networks/bridge"],
  [204, "POST", "/containers/whole/pause"],
  [200, "GET", "/containers/whole/json"],
  [200, "GET", "/containers/json"],
  [204, "POST", "/containers/whole/unpause"],
  [204, "POST", "/containers/whole/rename?name=other"],
  [204, "POST", "/containers/other/restart?t=0"],
  [204, "POST", "/containers/other/kill?signal=KILL"],
  [200, "POST", "/containers/other/wait"],
  [304, "POST", "/containers/other/stop?t=0"],
  [200, "GET", "/containers/other/json"],
  [200, "GET", "/containers/json?all=1"],
  [204, "DELETE", "/containers/other?v=1"],
];

const IMAGES: Step[] = [
  [200, "GET", "/images/json"],
  [200, "GET", "/images/json?shared-size=1&all=1"],
  [200, "GET", "/images/busybox/json"],
  [200, "GET", "/images/busybox/history"],
  [201, "POST", "/images/busybox/tag?repo=again&tag=v1"],
  [200, "DELETE", "/images/again:v1"],
];

const NOUNS: Step[] = [
  [200, "GET", "/info"],
  [200, "GET", "/version"],
  [200, "GET", "/_ping"],
  [200, "GET", "/networks"],
  [200, "GET", "/networks/bridge"],
  [200, "GET", "/networks/host"],
  [200, "GET", "/networks/none"],
  [201, "POST", "/volumes/create", { Name: "named", Labels: { a: "b" }, DriverOpts: {} }],
  [201, "POST", "/volumes/create", {}],
  [200, "GET", "/volumes"],
  [200, "GET", "/volumes/named"],
  [204, "DELETE", "/volumes/named"],
  [200, "GET", "/plugins"],
  [200, "GET", "/system/df"],
  [200, "GET", "/system/df?verbose=1"],
  [200, "GET", "/system/df?type=volume&type=container"],
];

const PRUNES: Step[] = [
  [200, "POST", "/containers/prune"],
  [200, "POST", "/volumes/prune"],
  [200, "POST", "/networks/prune"],
  [200, "POST", "/images/prune"],
  [200, "POST", "/build/prune"],
];

/** The document of the newest version does not speak of versions that are too old for a path. */
const UNKNOWN_400 = PRUNES.map(([, method, path]) => `${method} ${path} 400: ${method} ${path} has no answer 400`);

const REFUSED: Step[] = [
  [400, "POST", "/containers/create", { Image: "" }],
  [400, "GET", "/containers/json?filters=nonsense"],
  [404, "POST", "/containers/create", { Image: "nothing" }],
  [404, "GET", "/containers/nobody/json"],
  [404, "GET", "/containers/nobody/top"],
  [404, "GET", `/containers/nobody/logs?${LOGS}`],
  [404, "POST", "/containers/nobody/start"],
  [404, "POST", "/containers/nobody/stop"],
  [404, "POST", "/containers/nobody/restart"],
  [404, "POST", "/containers/nobody/kill"],
  [404, "POST", "/containers/nobody/pause"],
  [404, "POST", "/containers/nobody/unpause"],
  [404, "POST", "/containers/nobody/rename?name=x"],
  [404, "POST", "/containers/nobody/wait"],
  [404, "POST", "/containers/nobody/exec", { Cmd: ["true"] }],
  [404, "DELETE", "/containers/nobody"],
  [404, "GET", "/exec/nothing/json"],
  [404, "POST", "/exec/nothing/start", {}],
  [404, "GET", "/images/nothing/json"],
  [404, "GET", "/images/nothing/history"],
  [404, "POST", "/images/nothing/tag?repo=x"],
  [404, "DELETE", "/images/nothing"],
  [404, "GET", "/networks/nothing"],
  [404, "DELETE", "/networks/nothing"],
  [403, "DELETE", "/networks/bridge"],
  [404, "GET", "/volumes/nothing"],
  [404, "DELETE", "/volumes/nothing"],
];

/** What collides with a container that runs and holds a volume. */
const CONFLICTS: Step[] = [
  [201, "POST", "/containers/create?name=holder", { ...CONTAINER, Cmd: ["sleep", "1000"] }],
  [409, "POST", "/containers/create?name=holder", { Image: "busybox" }],
  [409, "POST", "/containers/holder/kill"],
  [409, "POST", "/containers/holder/exec", { Cmd: ["true"] }],
  [204, "POST", "/containers/holder/start"],
  [409, "DELETE", "/containers/holder"],
  [409, "DELETE", "/volumes/named"],
  [409, "DELETE", "/images/busybox"],
  [204, "DELETE", "/containers/holder?force=1&v=1"],
];

const ALL: [name: string, steps: Step[]][] = [
  ["a container's life", CONTAINER_LIFE],
  ["images", IMAGES],
  ["networks, volumes, the system", NOUNS],
  ["refusals", REFUSED],
  ["conflicts", CONFLICTS],
];

describe.each(VERSIONS)("API 1.%d, by the document:", (version) => {
  test.each(ALL)("%s", async (_name, steps) => {
    expect(await faultsOf(version, steps)).toEqual([]);
  });
  test("prunes, which came with 1.25", async () => {
    const refused = PRUNES.map(([, method, path]): Step => [400, method, path]);
    expect(await faultsOf(version, version < 25 ? refused : PRUNES)).toEqual(version < 25 ? UNKNOWN_400 : []);
  });
});

test("archives go in and out: load, get, create from a source", async () => {
  const archive = Bun.file(await busyboxImage());
  const load = await ask(55, "POST", "/images/load", archive);
  expect(faults("POST", "/images/load", load)).toEqual([]);
  expect(load.text).toContain('{"stream":"Loaded image: busybox:latest\\n"}\r\n');
  const created = await ask(55, "POST", "/images/create?fromSrc=-&repo=mine", Bun.file(await busyboxRootTar()));
  expect(faults("POST", "/images/create", created)).toEqual([]);
  expect(created.text).toMatch(/^\{"status":"sha256:[0-9a-f]{64}"\}\r\n$/);
  for (const path of ["/images/mine/get", "/images/get?names=mine&names=busybox"]) {
    const { status, headers, text } = await ask(55, "GET", path);
    expect([status, headers.get("content-type"), text.includes("manifest.json")]).toEqual([
      200,
      "application/x-tar",
      true,
    ]);
  }
  expect((await ask(55, "DELETE", "/images/mine")).status).toBe(200);
});

test("every event of a container's life is as the document says", async () => {
  const since = (Date.now() / 1000).toFixed(3);
  expect(await faultsOf(55, CONTAINER_LIFE)).toEqual([]);
  const until = (Date.now() / 1000 + 0.001).toFixed(3);
  const { text, headers } = await ask(55, "GET", `/events?since=${since}&until=${until}`);
  const events = parse(text) as { Type: string; Action: string }[];
  expect(headers.get("content-type")).toBe("application/jsonl");
  expect(events.flatMap((event) => validateResponse("GET", "/events", 200, event))).toEqual([]);
  const actions = events.filter(({ Type }) => Type === "container").map(({ Action }) => Action.split(":")[0]);
  for (const action of ["create", "start", "pause", "unpause", "rename", "kill", "die", "destroy", "exec_create"])
    expect(actions).toContain(action);
});

interface Shapes {
  container: Record<string, unknown> & { NetworkSettings: object; HostConfig: object };
  summary: { RepoTags: unknown; VirtualSize?: number };
  image: object;
  info: object;
  logs: string | null;
  event: Record<string, unknown>;
}

/** What clients of one version are shown, of a container with a name and a line of log. */
async function shapes(version: number): Promise<Shapes> {
  const json = async <T>(path: string) => (await ask(version, "GET", path)).json as T;
  const events = await ask(version, "GET", `/events?since=1&until=${now()}`);
  const [event = "{}"] = events.text.trim().split("\n");
  return {
    container: await json("/containers/shaped/json"),
    summary: ((await json("/images/json")) as Shapes["summary"][])[0] as Shapes["summary"],
    image: await json("/images/busybox/json"),
    info: await json("/info"),
    logs: (await ask(version, "GET", `/containers/shaped/logs?${LOGS}`)).headers.get("content-type"),
    event: JSON.parse(event) as Record<string, unknown>,
  };
}

const now = () => Math.floor(Date.now() / 1000);

describe("what changed between versions", () => {
  beforeAll(async () => {
    await daemon.call("POST", "/containers/create?name=shaped", { ...CONTAINER, Cmd: ["echo", "x"] });
    await daemon.call("POST", "/containers/shaped/start");
    await daemon.call("POST", "/containers/shaped/wait");
  });

  /** A field, where it is, and the first version that has it or no longer has it. */
  const fields: [field: string, of: (found: Shapes) => object, kind: "since" | "gone since", minor: number][] = [
    ["KernelMemory", ({ info }) => info, "gone since", 42],
    ["CgroupVersion", ({ info }) => info, "since", 41],
    ["BridgeNfIptables", ({ info }) => info, "gone since", 48],
    ["KernelMemory", ({ container }) => container.HostConfig, "gone since", 42],
    ["IPAddress", ({ container }) => container.NetworkSettings, "gone since", 52],
    ["VirtualSize", ({ summary }) => summary, "gone since", 44],
    ["VirtualSize", ({ image }) => image, "gone since", 44],
    ["ContainerConfig", ({ image }) => image, "gone since", 45],
    ["Parent", ({ image }) => image, "gone since", 52],
    ["status", ({ event }) => event, "gone since", 52],
  ];
  test.each(VERSIONS)("API 1.%d", async (version) => {
    const found = await shapes(version);
    const wrong = fields
      .filter(
        ([field, of, kind, minor]) => field in of(found) !== (kind === "since" ? version >= minor : version < minor),
      )
      .map(([field, , kind, minor]) => `${field}: ${kind} 1.${minor}`);
    expect(wrong).toEqual([]);
    const stream = version >= 42 ? "multiplexed" : "raw";
    expect(found.logs).toBe(`application/vnd.docker.${stream}-stream`);
  });
});

test("nothing is left when every container is removed", async () => {
  expect(await daemon.leakCheck()).toEqual([]);
});
