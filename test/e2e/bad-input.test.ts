import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { connect } from "node:net";
import { busyboxImage } from "../fixtures/busybox-image.ts";
import { startDaemon, type TestDaemon } from "../harness/daemon.ts";

/** What a careless or hostile client may send, and the status and words that it must get. Nothing may change by it. */
let daemon: TestDaemon;

beforeAll(async () => {
  daemon = await startDaemon();
  await create("taken");
}, 60_000);
afterAll(() => daemon?.[Symbol.asyncDispose](), 60_000);

async function send(method: string, path: string, body?: unknown, contentType = "application/json") {
  const text =
    body === undefined || typeof body === "string" || body instanceof Uint8Array ? body : JSON.stringify(body);
  const init: RequestInit = { method, headers: { "Content-Type": contentType } };
  if (text !== undefined) init.body = text as NonNullable<RequestInit["body"]>;
  const response = await daemon.request(path, init);
  const answer = await response.text();
  const message = answer.startsWith("{")
    ? (JSON.parse(answer.split("\n").find((line) => line.includes("message")) ?? "{}") as { message?: string }).message
    : undefined;
  return { status: response.status, message: message ?? answer };
}

async function create(name: string, extra: object = {}) {
  return send("POST", `/v1.41/containers/create?name=${name}`, { Image: "busybox", Cmd: ["sleep", "60"], ...extra });
}

describe("requests about things that are not there", () => {
  const cases: [string, string, RegExp][] = [
    ["GET", "/containers/nobody/json", /^No such container: nobody$/],
    ["POST", "/containers/nobody/start", /^No such container: nobody$/],
    ["DELETE", "/containers/nobody", /^No such container: nobody$/],
    ["GET", "/containers/nobody/logs?stdout=1", /^No such container: nobody$/],
    ["POST", "/containers/nobody/wait", /^No such container: nobody$/],
    ["GET", "/exec/nothing/json", /^No such exec instance: nothing$/],
    ["GET", "/images/nothing/json", /^[Nn]o such image: nothing/],
    ["DELETE", "/images/nothing", /^No such image: nothing/],
    ["GET", "/volumes/nothing", /get nothing: no such volume/],
    ["GET", "/networks/nothing", /network nothing not found/],
    ["GET", "/no/such/page", /page not found/],
  ];
  test.each(cases)("%s %s is 404", async (method, path, message) => {
    const answer = await send(method, `/v1.41${path}`);
    expect(answer.message.trim()).toMatch(message);
    expect(answer.status).toBe(404);
  });
});

describe("containers that cannot be created", () => {
  const cases: [string, object | string, number, RegExp][] = [
    ["an unknown image", { Image: "nothing" }, 404, /No such image: nothing(:latest)?/],
    ["no command", { Image: "busybox", Cmd: [], Entrypoint: [""] }, 400, /[Nn]o command specified/],
    ["a body that is not JSON", "{ not json", 400, /.+/],
    ["a body of the wrong type", { Image: "busybox", Cmd: 7 }, 400, /.+/],
    ["an empty body", "", 400, /.+/],
    [
      "a port that is no port",
      { Image: "busybox", HostConfig: { PortBindings: { "99999/tcp": [{}] } } },
      400,
      /[Ii]nvalid/,
    ],
    ["a protocol that is none", { Image: "busybox", ExposedPorts: { "80/abc": {} } }, 400, /[Ii]nvalid/],
    [
      "a relative bind",
      { Image: "busybox", HostConfig: { Binds: ["/tmp:relative"] } },
      400,
      /invalid mount config|must be absolute|mount path/,
    ],
    ["a bind without a target", { Image: "busybox", HostConfig: { Binds: [":"] } }, 400, /invalid/],
    [
      "a mount of a missing host path",
      { Image: "busybox", HostConfig: { Mounts: [{ Type: "bind", Source: "/no/such/dir", Target: "/x" }] } },
      400,
      /bind source path does not exist: \/no\/such\/dir/,
    ],
    [
      "two mounts of one place",
      { Image: "busybox", HostConfig: { Binds: ["/tmp:/x", "/var:/x"] } },
      400,
      /Duplicate mount point: \/x/,
    ],
    [
      "memory below the least",
      { Image: "busybox", HostConfig: { Memory: 1000 } },
      400,
      /Minimum memory limit allowed is 6 ?MB/,
    ],
    ["a negative CPU count", { Image: "busybox", HostConfig: { NanoCpus: -1 } }, 400, /.+/],
    ["an unknown network mode", { Image: "busybox", HostConfig: { NetworkMode: "container:" } }, 400, /.+/],
    [
      "an unknown restart policy",
      { Image: "busybox", HostConfig: { RestartPolicy: { Name: "sometimes" } } },
      400,
      /invalid restart policy/,
    ],
    [
      "--rm with a restart policy",
      { Image: "busybox", HostConfig: { AutoRemove: true, RestartPolicy: { Name: "always" } } },
      400,
      /[Cc]an.t create 'AutoRemove' container with restart policy/,
    ],
    [
      "an unknown capability",
      { Image: "busybox", HostConfig: { CapAdd: ["NO_SUCH"] } },
      400,
      /unknown capability|invalid CapAdd/,
    ],
    ["an unknown log driver", { Image: "busybox", HostConfig: { LogConfig: { Type: "carrier-pigeon" } } }, 400, /log/],
    ["a prototype for a body", '{"__proto__":{"Image":"busybox"}}', 400, /.+/],
  ];
  test.each(cases)("%s", async (_name, body, status, message) => {
    const before = await (await daemon.request("/containers/json?all=1")).text();
    const answer = await send("POST", "/v1.41/containers/create", body);
    expect(answer.message).toMatch(message);
    expect(answer.status).toBe(status);
    expect(await (await daemon.request("/containers/json?all=1")).text()).toBe(before);
  });

  test("a name that is in use is 409 with the holder's id", async () => {
    const answer = await create("taken");
    expect(answer.message).toMatch(
      /^Conflict\. The container name "\/taken" is already in use by container "?[0-9a-f]{64}"?\. You have to remove \(or rename\)/,
    );
    expect(answer.status).toBe(409);
  });

  test("a name of other letters is 400", async () => {
    const answer = await create(encodeURIComponent("a/b"));
    expect(answer.message).toMatch(/Invalid container name \(a\/b\), only \[a-zA-Z0-9\]\[a-zA-Z0-9_\.-\] are allowed/);
    expect(answer.status).toBe(400);
  });
});

test("the default networks cannot be removed", async () => {
  const answer = await send("DELETE", "/v1.41/networks/bridge");
  expect([answer.status, answer.message]).toEqual([403, "bridge is a pre-defined network and cannot be removed"]);
});

describe("archives that lie", () => {
  async function load(bytes: Uint8Array): Promise<string> {
    const response = await daemon.request("/v1.41/images/load", {
      method: "POST",
      body: bytes,
      headers: { "Content-Type": "application/x-tar" },
    });
    return `${response.status} ${await response.text()}`;
  }
  const images = async () => (await daemon.request("/images/json?all=1")).text();

  test("an archive that is cut short, or has a changed byte, leaves no image", async () => {
    const before = await images();
    const whole = new Uint8Array(await Bun.file(await busyboxImage()).arrayBuffer());
    const renamed = Buffer.from(whole);
    const other = Buffer.from(renamed.toString("latin1").replaceAll("busybox:latest", "liar000:latest"), "latin1");
    const cut = other.subarray(0, 1_000_000);
    expect(await load(cut)).toMatch(/unexpected (EOF|end)/i);
    const changed = Buffer.from(other);
    const middle = changed.indexOf("BusyBox v1.");
    changed[middle] = 0x62;
    expect(await load(changed)).toMatch(/invalid diffID for layer/);
    expect(await images()).toBe(before);
  });

  test("what is no archive is refused", async () => {
    const before = await images();
    expect(await load(new TextEncoder().encode("this is not a tar file ".repeat(100)))).toMatch(/error|message/i);
    expect(await load(new Uint8Array(0))).toMatch(/error|message|200/i);
    expect(await images()).toBe(before);
  });
});

describe("requests at the edge of HTTP", () => {
  test("an unknown API version is 400 and says which are known", async () => {
    const future = await send("GET", "/v9.99/containers/json");
    expect([future.status, future.message]).toEqual([
      400,
      expect.stringMatching(/client version 9\.99 is too new\. Maximum supported API version is 1\.\d\d/),
    ]);
    const past = await send("GET", "/v1.10/containers/json");
    expect([past.status, past.message]).toEqual([
      400,
      expect.stringMatching(/client version 1\.10 is too old\. Minimum supported API version is 1\.24/),
    ]);
  });

  const raw: [string, string][] = [
    [
      "two content lengths",
      "POST /containers/create HTTP/1.1\r\nHost: d\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
    ],
    ["a path with a NUL", "GET /containers/%00/json HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n"],
    ["a path that climbs", "GET /containers/..%2f..%2fetc/json HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n"],
    ["no HTTP at all", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\r\n\r\n"],
  ];
  test.each(raw)("%s is refused, and the daemon goes on", async (_name, bytes) => {
    expect(await exchange(bytes)).toMatch(/^(HTTP\/1\.1 4\d\d |$)/);
    expect((await daemon.request("/_ping")).status).toBe(200);
  });

  test("deep and wide JSON is refused in bounded time", async () => {
    const deep = `{"Image":"busybox","Labels":${"[".repeat(100_000)}${"]".repeat(100_000)}}`;
    const answer = await send("POST", "/v1.41/containers/create", deep);
    expect(answer.status).toBe(400);
    expect((await daemon.request("/_ping")).status).toBe(200);
  });
});

/** Sends bytes as they are; what came back until the other side closed or a second passed. */
function exchange(bytes: string): Promise<string> {
  return new Promise((resolve) => {
    let answer = "";
    const socket = connect(daemon.socket, () => socket.end(bytes, "latin1"));
    const end = () => {
      clearTimeout(timer);
      socket.destroy();
      resolve(answer);
    };
    const timer = setTimeout(end, 1000);
    socket.on("data", (chunk) => {
      answer += chunk.toString("latin1");
    });
    socket.on("close", end);
    socket.on("error", end);
  });
}

test("nothing is left when every container is removed", async () => {
  expect(await daemon.leakCheck()).toEqual([]);
});
