import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type ServedApi, serveFake } from "./harness.ts";

let api: ServedApi;
beforeAll(async () => {
  api = await serveFake();
});
afterAll(() => api[Symbol.asyncDispose]());

async function rawAnswer(text: string): Promise<string> {
  const connection = api.raw().send(text);
  connection.socket.end();
  const answer = await connection.untilEnd();
  connection.close();
  return answer;
}

const JSON_HEAD = "POST /containers/create?name=smuggled HTTP/1.1\r\nHost: d\r\nContent-Type: application/json\r\n";

describe("smuggling", () => {
  const refused: [string, string][] = [
    ["two lengths", `${JSON_HEAD}Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}`],
    ["a length and chunks", `${JSON_HEAD}Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n`],
    ["a length that is none", `${JSON_HEAD}Content-Length: 2x\r\n\r\n{}`],
    ["no host", "GET /info HTTP/1.1\r\n\r\n"],
    ["no HTTP", "\x16\x03\x01 hello\r\n\r\n"],
  ];
  test.each(refused)("%s: 400, nothing happens", async (_name, text) => {
    expect(await rawAnswer(text)).toMatch(/^HTTP\/1\.1 400 /);
    expect(api.engine.specs.size).toBe(0);
  });

  test("what follows an upgraded connection's head is never a second request", async () => {
    const head = "GET /_ping HTTP/1.1\r\nHost: d\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n";
    const answer = await rawAnswer(`${head}GET /info HTTP/1.1\r\nHost: d\r\n\r\n`);
    expect(answer.match(/HTTP\/1\.1/g)?.length).toBe(1);
  });

  test("HTTP/1.0 is answered and the connection closed", async () => {
    expect(await rawAnswer("GET /_ping HTTP/1.0\r\n\r\n")).toMatch(/^HTTP\/1\.[01] 200 OK[\s\S]*OK$/);
  });
});

describe("paths", () => {
  const paths: [string, number][] = [
    ["/containers/..%2f..%2fetc/json", 404],
    ["/containers/%2e%2e/json", 404],
    ["/containers/../info", 404],
    ["/containers/a%00b/json", 400],
    ["/containers/a%0d%0ab/json", 400],
    ["/containers/%zz/json", 400],
    ["/containers/%ff%fe/json", 400],
    ["/v1.999999999999999/info", 400],
    ["/v1.24.5/info", 400],
    ["/V1.41/info", 404],
    ["/Containers/json", 404],
    ["/images/../../etc/passwd/json", 404],
    [`/${"a/".repeat(500)}`, 404],
    [`/containers/${"a".repeat(10_000)}/json`, 404],
  ];
  test.each(paths)("%s", async (path, status) => {
    expect(await rawAnswer(`GET ${path} HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n`)).toMatch(
      new RegExp(`^HTTP/1\\.1 ${status} `),
    );
  });

  test("double slashes are one: clients put a container's name in as it is shown", async () => {
    await api.json("POST", "/containers/create?name=shown", { body: { Image: "busybox" } });
    expect((await api.request("GET", "/containers//shown/json")).status).toBe(200);
  });
});

describe("bodies", () => {
  const create = (rawBody: string, contentType = "application/json") =>
    api.request("POST", "/containers/create", { rawBody, headers: { "Content-Type": contentType } });
  const refused: [string, string, RegExp][] = [
    ["depth of 100 000", `${'{"a":'.repeat(100_000)}1${"}".repeat(100_000)}`, /nested deeper/],
    ["trailing data", '{"Image":"x"} {"Image":"y"}', /unexpected content after JSON/],
    [
      "a number where text belongs",
      '{"Image":5}',
      /cannot unmarshal number into Go struct field ContainerConfig.Image of type string/,
    ],
    ["text where a bool belongs", '{"Image":"x","Tty":"yes"}', /of type bool/],
    ["NaN", '{"Image":NaN}', /invalid JSON/],
    ["an array", "[]", /cannot unmarshal array/],
    ["too large a number", '{"Image":"x","HostConfig":{"Memory":1e300}}', /of type int64/],
    ["five million bytes", `{"Image":"${"x".repeat(5_000_000)}"}`, /larger than/],
  ];
  test.each(refused)("%s: 400, nothing is made", async (_name, body, text) => {
    const before = api.engine.specs.size;
    const answer = await create(body);
    expect(answer.status).toBe(400);
    expect(answer.text).toMatch(text);
    expect(api.engine.specs.size).toBe(before);
  });

  test("another content type is refused", async () => {
    const answer = await create("{}", "text/plain");
    expect([answer.status, answer.text]).toEqual([
      400,
      `{"message":"unsupported Content-Type header (text/plain): must be 'application/json'"}\n`,
    ]);
  });

  test("invalid UTF-8 is refused", async () => {
    const rawBody = new Uint8Array([...new TextEncoder().encode('{"Image":"'), 0xff, 0x22, 0x7d]);
    const headers = { "Content-Type": "application/json" };
    expect((await api.request("POST", "/containers/create", { rawBody, headers })).status).toBe(400);
  });

  test("__proto__, constructor and duplicate keys are ordinary keys", async () => {
    const body =
      '{"Image":"x","Image":"y","__proto__":{"Tty":true},"Labels":{"__proto__":"a","constructor":"b","toString":"c"},"HostConfig":{"constructor":{"prototype":{"Privileged":true}}}}';
    const answer = await create(body);
    expect(answer.status).toBe(201);
    const spec = [...api.engine.specs.values()].at(-1);
    expect(spec?.image).toBe("y");
    expect(spec?.process.tty).toBe(false);
    expect(spec?.security.privileged).toBe(false);
    expect(Object.entries(spec?.labels ?? {})).toEqual([
      ["__proto__", "a"],
      ["constructor", "b"],
      ["toString", "c"],
    ]);
    expect(({} as Record<string, unknown>)["Tty"]).toBeUndefined();
  });

  test("a body of undeclared length that never ends is cut off at the limit", async () => {
    const connection = api.raw().send(`${JSON_HEAD}Transfer-Encoding: chunked\r\n\r\n`);
    const chunk = `10000\r\n${"x".repeat(65_536)}\r\n`;
    for (let sent = 0; sent < 160 && !connection.ended && connection.received === ""; sent++) {
      connection.send(chunk);
      await Bun.sleep(0);
    }
    expect(await connection.until("400 Bad Request")).toBeTruthy();
    connection.close();
  });
});
