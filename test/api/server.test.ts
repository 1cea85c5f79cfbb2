import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type ServedApi, serveFake } from "./harness.ts";

let api: ServedApi;
beforeAll(async () => {
  api = await serveFake();
  await api.json("POST", "/containers/create?name=web", { body: { Image: "busybox" } });
});
afterAll(() => api[Symbol.asyncDispose]());

const message = (text: string) => (JSON.parse(text) as { message: string }).message;

describe("versions", () => {
  const refused: [string, number, string][] = [
    ["/v1.56/info", 400, "client version 1.56 is too new. Maximum supported API version is 1.55"],
    ["/v2.0/info", 400, "client version 2.0 is too new. Maximum supported API version is 1.55"],
    ["/v1.29/configs", 400, "GET /configs requires minimum API version 1.30"],
    ["/v1.999/x", 400, "client version 1.999 is too new. Maximum supported API version is 1.55"],
    ["/v1/info", 400, "invalid API version: 1"],
    ["/nothing", 404, "page not found"],
    ["/containers", 404, "page not found"],
  ];
  test.each(refused)("%s is refused with %d", async (path, status, text) => {
    const answer = await api.request("GET", path);
    expect([answer.status, message(answer.text)]).toEqual([status, text]);
    expect(answer.text.endsWith("}\n")).toBe(true);
  });

  test("an old version's refusal is plain text", async () => {
    const { status, headers, text } = await api.request("GET", "/v1.23/info");
    expect([status, headers.get("content-type")]).toEqual([400, "text/plain; charset=utf-8"]);
    expect(text).toContain("client version 1.23 is too old. Minimum supported API version is 1.24");
  });

  test("each route is there with any prefix and without", async () => {
    for (const prefix of ["", "/v1.24", "/v1.41", "/v1.55"]) {
      expect((await api.request("GET", `${prefix}/containers/web/json`)).status).toBe(200);
    }
  });

  test("the answer's shape follows the version", async () => {
    const inspect = async (version: string) =>
      (await api.json("GET", `/v${version}/containers/web/json`)) as { NetworkSettings: Record<string, unknown> };
    expect((await inspect("1.51")).NetworkSettings["IPAddress"]).toBe("172.17.0.2");
    expect((await inspect("1.52")).NetworkSettings["IPAddress"]).toBeUndefined();
    const image = async (version: string) => (await api.json("GET", `/v${version}/images/busybox/json`)) as object;
    expect("VirtualSize" in (await image("1.43"))).toBe(true);
    expect("VirtualSize" in (await image("1.44"))).toBe(false);
  });
});

test("every answer has Docker's headers", async () => {
  for (const path of ["/_ping", "/info", "/nothing", "/containers/web/logs?stdout=1"]) {
    const { headers } = await api.request("GET", path);
    expect(headers.get("server")).toBe("Docker/0.1.0 (linux)");
    expect(headers.get("api-version")).toBe("1.55");
    expect(headers.get("ostype")).toBe("linux");
    expect(headers.get("docker-experimental")).toBe("false");
  }
  const ping = await api.request("HEAD", "/_ping");
  expect([ping.status, ping.text, ping.headers.get("builder-version")]).toEqual([200, "", "2"]);
});

describe("filters", () => {
  const accepted: [string, string][] = [
    ['{"label":{"a=b":true}}', '"filters":{"label":["a=b"]}'],
    ['{"label":["a=b","c"]}', '"filters":{"label":["a=b","c"]}'],
    ["", '"filters":{}'],
  ];
  test.each(accepted)("%s is understood", async (filters, seen) => {
    await api.request("GET", `/containers/json?filters=${encodeURIComponent(filters)}`);
    expect(api.engine.calls.at(-1)).toContain(seen);
  });
  test.each(['{"x":["y"]}', '{"label":"a"}', "[]", "nonsense", '{"label":[1]}'])("%s is refused", async (filters) => {
    expect((await api.request("GET", `/containers/json?filters=${encodeURIComponent(filters)}`)).status).toBe(400);
  });
});

describe("images", () => {
  test("names with slashes reach their route", async () => {
    for (const path of ["/images/host:5000/team/app:v1/json", "/images/host:5000%2Fteam%2Fapp:v1/json"]) {
      expect((await api.request("GET", path)).status).toBe(200);
    }
    const missing = await api.request("GET", "/images/no/such/json/history");
    expect([missing.status, message(missing.text)]).toEqual([404, "No such image: no/such/json"]);
  });

  test("an error of load before the first line is an answer, after it a line", async () => {
    const before = await api.request("POST", "/images/load", { rawBody: "" });
    expect([before.status, message(before.text)]).toEqual([400, "the archive is empty"]);
    const after = await api.request("POST", "/images/load", { rawBody: "abc" });
    expect(after.status).toBe(200);
    expect(after.text).toBe(
      '{"stream":"Loaded image: busybox:latest (3)\\n"}\r\n{"errorDetail":{"message":"unexpected end of the archive"},"error":"unexpected end of the archive"}\r\n',
    );
  });

  test("import takes the body", async () => {
    await api.request("POST", "/images/create?fromSrc=-&repo=r&tag=t&changes=CMD%20x&changes=ENV%20a=b", {
      rawBody: "tar",
    });
    expect(api.engine.calls.at(-1)).toBe("import r:t 3 CMD x|ENV a=b");
  });
});

test("what is missing says so with 501, swarm with 503", async () => {
  const stats = await api.request("GET", "/containers/web/stats");
  expect([stats.status, message(stats.text)]).toEqual([
    501,
    "resource statistics is not implemented by this engine yet",
  ]);
  expect((await api.request("GET", "/services")).status).toBe(503);
});

test("events begin at once, in the form that was asked for", async () => {
  const until = Math.floor(Date.now() / 1000) + 1;
  api.engine.events.publish({ type: "container", action: "start", actorId: "x", attributes: { image: "i" } });
  const read = (version: string, accept: string) =>
    api.request("GET", `/v${version}/events?since=1&until=${until}`, { headers: { Accept: accept } });
  const [old, lines, records] = await Promise.all([
    read("1.51", "*/*"),
    read("1.52", "*/*"),
    read("1.52", "application/json-seq"),
  ]);
  expect(old?.headers.get("content-type")).toBe("application/json");
  expect(JSON.parse(old?.text ?? "")).toMatchObject({ status: "start", id: "x", from: "i", Action: "start" });
  expect(lines?.headers.get("content-type")).toBe("application/jsonl");
  expect("status" in (JSON.parse(lines?.text ?? "") as object)).toBe(false);
  expect(lines?.text).toMatch(/"timeNano":\d{19}\b/);
  expect(records?.text.startsWith("\u001e{")).toBe(true);
});

test("wait sends its head at once and its body at the end", async () => {
  const connection = api.raw().send("POST /v1.41/containers/web/wait HTTP/1.1\r\nHost: d\r\n\r\n");
  expect(await connection.until("\r\n\r\n")).toContain("200 OK");
  expect(connection.received).not.toContain("StatusCode");
  api.engine.exit(5);
  expect(await connection.until('{"StatusCode":5}')).toBeTruthy();
  connection.close();
});
