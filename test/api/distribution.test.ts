import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import { until } from "../harness/until.ts";
import { REMOTE_DIGEST, REMOTE_MANIFEST } from "./fake-distribution.ts";
import { serveFake } from "./harness.ts";
import { validateResponse } from "./swagger.ts";

const api = await serveFake();
afterAll(() => api[Symbol.asyncDispose]());
beforeEach(() => void api.engine.calls.splice(0));

const ACCOUNT = { username: "me", password: "pw", serveraddress: "h:5000" };
const DECODED = { username: "me", password: "pw", serverAddress: "h:5000", identityToken: "", registryToken: "" };
const auth = (value: unknown) => ({ "X-Registry-Auth": Buffer.from(JSON.stringify(value)).toString("base64url") });
const lines = (text: string) => {
  expect(text.endsWith("\r\n")).toBe(true);
  return text
    .trim()
    .split("\r\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
};
/** Name and arguments of the one call. */
const called = () => {
  expect(api.engine.calls).toHaveLength(1);
  const [, method, rest] = /^(\S+) (.*)$/.exec(api.engine.calls[0] ?? "") ?? [];
  return [method, ...(JSON.parse(rest ?? "[]") as unknown[])];
};

describe("POST /images/create", () => {
  test.each([
    ["fromImage=busybox&tag=latest", "busybox:latest", { allTags: false }],
    ["fromImage=docker.io%2Flibrary%2Fbusybox", "docker.io/library/busybox", { allTags: true }],
    ["fromImage=busybox:", "busybox", { allTags: true }],
    ["fromImage=h:5000/a:v1", "h:5000/a:v1", { allTags: false }],
    [`fromImage=a&tag=${REMOTE_DIGEST}`, `a@${REMOTE_DIGEST}`, { allTags: false }],
    ["fromImage=a&tag=1&platform=linux%2Farm%2Fv7", "a:1", { allTags: false, platform: "linux/arm/v7" }],
    [
      'fromImage=a&tag=1&platform={"os":"linux","architecture":"arm64"}',
      "a:1",
      { allTags: false, platform: "linux/arm64" },
    ],
  ])("?%s pulls %s with %o", async (query, reference, options) => {
    const { status } = await api.request("POST", `/v1.55/images/create?${query}`);
    expect(status).toBe(200);
    expect(called()).toEqual(["pull", reference, options]);
  });

  test("the stream has a layer's lines with progressDetail, and headings without", async () => {
    const { status, headers, text } = await api.request("POST", "/images/create?fromImage=x&tag=latest");
    expect([status, headers.get("content-type")]).toEqual([200, "application/json"]);
    expect(lines(text)).toEqual([
      { id: "latest", status: "Pulling from library/x" },
      { id: "abc", status: "Pulling fs layer", progressDetail: {} },
      { id: "abc", status: "Downloading", progressDetail: { current: 5, total: 10 } },
      { id: "abc", status: "Pull complete", progressDetail: {} },
      { status: "Status: Downloaded newer image for x:latest" },
    ]);
  });

  test("the account and X-Meta headers reach the registry client; what cannot be read is no account", async () => {
    const headers = { ...auth(ACCOUNT), "X-Meta-Team": "blue" };
    await api.request("POST", "/images/create?fromImage=x&tag=1", { headers });
    expect(called()).toEqual([
      "pull",
      "x:1",
      { allTags: false, credentials: DECODED, metaHeaders: { "x-meta-team": "blue" } },
    ]);
    api.engine.calls.splice(0);
    await api.request("POST", "/images/create?fromImage=x&tag=1", { headers: { "X-Registry-Auth": "%%%" } });
    expect(called()).toEqual(["pull", "x:1", { allTags: false }]);
  });

  test("an error before the first line is an answer, one after it a line", async () => {
    const early = await api.request("POST", "/images/create?fromImage=missing&tag=1");
    expect([early.status, JSON.parse(early.text)]).toEqual([404, { message: "manifest for missing:1 not found" }]);
    expect(validateResponse("POST", "/images/create", early.status, JSON.parse(early.text))).toEqual([]);
    const late = await api.request("POST", "/images/create?fromImage=broken&tag=1");
    expect(late.status).toBe(200);
    expect(lines(late.text).at(-1)).toEqual({
      errorDetail: { message: "the registry hung up" },
      error: "the registry hung up",
    });
  });

  test("a client that goes away ends the pull", async () => {
    const connection = api
      .raw()
      .send("POST /images/create?fromImage=stall&tag=1 HTTP/1.1\r\nHost: d\r\nContent-Length: 0\r\n\r\n");
    await connection.until("Pulling fs layer");
    connection.close();
    await until("the pull was told", () => api.engine.calls.includes("pull aborted") || undefined);
  });

  test("counts that wait for a slow client give way to newer ones: the last one and every state arrive", async () => {
    const { text } = await api.request("POST", "/images/create?fromImage=many&tag=1");
    const seen = lines(text);
    expect(seen.length).toBeLessThan(1100);
    expect(seen.map(({ status }) => status).filter((status) => status !== "Downloading")).toEqual([
      "Pulling from library/x",
      "Pulling fs layer",
      "Pull complete",
      "Status: Downloaded newer image for x:latest",
    ]);
    expect(seen.findLast(({ status }) => status === "Downloading")).toMatchObject({ progressDetail: { current: 5 } });
  });

  test("scratch is refused, and nothing named is too", async () => {
    expect((await api.request("POST", "/images/create?fromImage=scratch&tag=latest")).status).toBe(403);
    expect((await api.request("POST", "/images/create")).status).toBe(400);
    expect(api.engine.calls).toEqual([]);
  });
});

describe("POST /images/{name}/push", () => {
  test.each([
    ["h:5000/a/b/push?tag=v1", "h:5000/a/b", "v1"],
    ["h:5000/a/push", "h:5000/a", ""],
    ["h:5000/a:v2/push", "h:5000/a", "v2"],
    ["docker.io/library/a/push?tag=latest", "docker.io/library/a", "latest"],
  ])("%s pushes %s with tag %p", async (path, repository, tag) => {
    const { status, text } = await api.request("POST", `/v1.41/images/${path}`, { headers: auth(ACCOUNT) });
    expect(status).toBe(200);
    expect(called()).toEqual(["push", repository, { credentials: DECODED, tag }]);
    expect(lines(text)).toEqual([
      { status: `The push refers to repository [${repository}]` },
      { id: "abc", status: "Pushed", progressDetail: {} },
      { aux: { Tag: "latest", Digest: REMOTE_DIGEST, Size: 5 } },
    ]);
  });

  test("an account in the body, as old clients send it, counts where there is no header", async () => {
    await api.request("POST", "/images/a/push?tag=1", { body: ACCOUNT });
    expect(called()).toEqual(["push", "a", { credentials: DECODED, tag: "1" }]);
    api.engine.calls.splice(0);
    await api.request("POST", "/images/a/push?tag=1", { body: ACCOUNT, headers: { "X-Registry-Auth": "e30=" } });
    expect(called()).toEqual(["push", "a", { tag: "1" }]);
  });

  test("a digest cannot be pushed", async () => {
    const { status, text } = await api.request("POST", `/images/a@${REMOTE_DIGEST}/push`);
    expect([status, JSON.parse(text)]).toEqual([400, { message: "cannot push a digest reference" }]);
  });
});

describe("GET /images/search", () => {
  test("answers in Docker's casing", async () => {
    const filters = encodeURIComponent('{"stars":{"3":true},"is-official":["true"]}');
    const body = await api.json("GET", `/images/search?term=x&limit=5&filters=${filters}`, { headers: auth(ACCOUNT) });
    expect(body).toEqual([{ name: "x", description: "an x", star_count: 3, is_official: true, is_automated: false }]);
    expect(validateResponse("GET", "/images/search", 200, body)).toEqual([]);
    const options = { limit: 5, filters: { stars: ["3"], "is-official": ["true"] }, credentials: DECODED };
    expect(called()).toEqual(["search", "x", options]);
  });

  test.each([
    ["limit=101", "limit 101 is outside the range of [1, 100]"],
    ["limit=-1", "limit -1 is outside the range of [1, 100]"],
    ["limit=x", 'strconv.Atoi: parsing "x": invalid syntax'],
    ["filters={%22foo%22:{%221%22:true}}", "invalid filter 'foo'"],
  ])("?%s is refused", async (query, message) => {
    const { status, text } = await api.request("GET", `/images/search?term=x&${query}`);
    expect([status, JSON.parse(text)]).toEqual([400, { message }]);
  });

  test("no limit, and none of zero, are Docker's 25", async () => {
    for (const query of ["", "&limit=0"]) await api.request("GET", `/images/search?term=x${query}`);
    expect(api.engine.calls.every((call) => call.includes('"limit":25'))).toBe(true);
  });
});

describe("GET /distribution/{name}/json", () => {
  test("is as the Engine API's document says", async () => {
    const body = await api.json("GET", "/distribution/h:5000/team/x:v1/json", { headers: auth(ACCOUNT) });
    expect(body).toEqual({
      Descriptor: { mediaType: "application/vnd.oci.image.index.v1+json", digest: REMOTE_DIGEST, size: 99 },
      Platforms: [
        { architecture: "amd64", os: "linux" },
        { architecture: "arm", os: "linux", variant: "v7" },
      ],
    });
    expect(validateResponse("GET", "/distribution/h:5000/team/x:v1/json", 200, body)).toEqual([]);
    expect(called()).toEqual(["inspect", "h:5000/team/x:v1", { insecure: false, credentials: DECODED }]);
  });

  test("a registry that wants an account is a 401; old versions do not know the route", async () => {
    const { status, text } = await api.request("GET", "/distribution/private/json");
    expect(validateResponse("GET", "/distribution/private/json", status, JSON.parse(text))).toEqual([]);
    expect(status).toBe(401);
    expect((await api.request("GET", "/v1.29/distribution/x/json")).status).toBe(400);
  });
});

describe("POST /auth", () => {
  test("succeeds in Docker's words, with the registry's token", async () => {
    const body = await api.json("POST", "/auth", { body: { ...ACCOUNT, username: "tok" } });
    expect(body).toEqual({ Status: "Login Succeeded", IdentityToken: "token" });
    expect(validateResponse("POST", "/auth", 200, body)).toEqual([]);
    expect(called()).toEqual(["login", { ...DECODED, username: "tok" }]);
  });

  test("without a server it is Docker Hub's", async () => {
    await api.request("POST", "/auth", { body: { username: "a", password: "b" } });
    expect(called()[1]).toMatchObject({ serverAddress: "https://index.docker.io/v1/" });
  });

  test("a wrong password is a 401, a wrong type a 400", async () => {
    const { status, text } = await api.request("POST", "/auth", { body: { ...ACCOUNT, password: "bad" } });
    expect([status, JSON.parse(text)]).toEqual([401, { message: "incorrect username or password" }]);
    expect(validateResponse("POST", "/auth", status, JSON.parse(text))).toEqual([]);
    expect((await api.request("POST", "/auth", { body: { username: 5 } })).status).toBe(400);
  });
});

describe("/gantry/manifests/{name}", () => {
  test("GET gives the registry's bytes, unchanged, with their media type and digest", async () => {
    const answer = await api.request("GET", "/gantry/manifests/h:5000/a/b:1?insecure=1");
    expect(answer.text).toBe(REMOTE_MANIFEST);
    expect(answer.headers.get("content-type")).toBe("application/vnd.oci.image.index.v1+json");
    expect(answer.headers.get("docker-content-digest")).toBe(REMOTE_DIGEST);
    expect(called()).toEqual(["manifest", "h:5000/a/b:1", { insecure: true }]);
    expect((await api.request("GET", "/gantry/manifests/missing")).status).toBe(404);
  });

  test("PUT stores the document as it was sent", async () => {
    const body = {
      MediaType: "a/b+json",
      Document: '{"x": "é"}',
      Sources: [{ Repository: "h/a", Digest: "sha256:1" }],
    };
    const answer = await api.request("PUT", "/gantry/manifests/h:5000/a:1", { body, headers: auth(ACCOUNT) });
    expect([answer.status, JSON.parse(answer.text)]).toEqual([201, { Digest: REMOTE_DIGEST }]);
    const options = {
      insecure: false,
      credentials: DECODED,
      sources: [{ repository: "h/a", digest: "sha256:1" }],
    };
    expect(called()).toEqual(["putManifest", "h:5000/a:1", "a/b+json", '{"x": "é"}', options]);
  });

  test.each([{ MediaType: "no", Document: "{}" }, { MediaType: "a/b", Document: "{}", Sources: {} }, { Document: 5 }])(
    "PUT of %o is refused",
    async (body) => {
      expect((await api.request("PUT", "/gantry/manifests/a:1", { body })).status).toBe(400);
      expect(api.engine.calls).toEqual([]);
    },
  );
});
