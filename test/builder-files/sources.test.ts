import { afterAll, expect, test } from "bun:test";
import { lstatSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { messageOf } from "../../src/base/errors.ts";
import type { SourceOp } from "../../src/builder/graph.ts";
import { digestOf } from "../../src/formats/oci/digest.ts";
import { fakeSession } from "./fake-session.ts";
import { OPTIONS, openSourceBox } from "./source-box.ts";
import { isRoot } from "./world.ts";

const box = openSourceBox();
const { directory, stores, sources, contexts, bring } = box;
const failure = (promise: Promise<unknown>) => promise.then(() => "", messageOf);

const served = {
  etag: '"1"',
  body: "first",
  requests: [] as { path: string; condition: string | null; authorization: string | null; status: number }[],
};
const MODIFIED = "Mon, 02 Jan 2006 15:04:05 GMT";
const elsewhere = Bun.serve({
  port: 0,
  hostname: "127.0.0.1",
  fetch: (request) => new Response(request.headers.get("authorization") ?? "nobody"),
});
const server = Bun.serve({
  port: 0,
  hostname: "127.0.0.1",
  fetch(request) {
    const { pathname } = new URL(request.url);
    const condition = request.headers.get("if-none-match");
    const answer = respond(pathname, condition);
    served.requests.push({
      path: pathname,
      condition,
      authorization: request.headers.get("authorization"),
      status: answer.status,
    });
    return answer;
  },
});

function respond(path: string, condition: string | null): Response {
  switch (path) {
    case "/file":
      if (condition === served.etag) return new Response(null, { status: 304 });
      return new Response(served.body, { headers: { etag: served.etag, "last-modified": MODIFIED } });
    case "/plain":
      return new Response("plain");
    case "/elsewhere":
      return Response.redirect(`http://127.0.0.1:${elsewhere.port}/x`, 302);
    case "/metadata":
      return Response.redirect("http://169.254.169.254/latest/meta-data/", 302);
    case "/mapped":
      return Response.redirect("http://[::ffff:169.254.169.254]/", 302);
    case "/file-scheme":
      return new Response(null, { status: 302, headers: { location: "file:///etc/passwd" } });
    case "/Dockerfile":
      return new Response("FROM scratch\n");
    default:
      return new Response("no", { status: 404 });
  }
}

const url = (path: string) => `http://127.0.0.1:${server.port}${path}`;
const http = (path: string, more: Partial<Extract<SourceOp, { kind: "http" }>> = {}) =>
  ({ kind: "http", url: url(path), checksum: undefined, fileName: "name", ...more }) as const;

afterAll(async () => {
  await server.stop(true);
  await elsewhere.stop(true);
  await box.close();
});

test("a URL becomes a file of mode 0600 with the server's time, and is not sent again while it is unchanged", async () => {
  const first = await bring(http("/file"));
  const status = lstatSync(join(first.directory, "name"));
  expect([status.mode & 0o7777, status.mtime.toUTCString()]).toEqual([0o600, MODIFIED]);
  expect(readFileSync(join(first.directory, "name"), "utf8")).toBe("first");
  expect(first.entries).toMatchObject([
    { path: "name", type: "file", mode: 0o600, digest: digestOf("first"), sizeBytes: 5 },
  ]);
  expect(first.origin).toEqual({ uri: url("/file"), digest: digestOf("first") });
  const again = await bring(http("/file", { fileName: "other" }));
  expect(served.requests.slice(-1)).toMatchObject([{ condition: '"1"', status: 304 }]);
  expect(readFileSync(join(again.directory, "other"), "utf8")).toBe("first");
  Object.assign(served, { etag: '"2"', body: "second" });
  const changed = await bring(http("/file"));
  expect(changed.entries[0]?.digest).toBe(digestOf("second"));
  // Whoever had the old one still has it.
  expect(readFileSync(join(first.directory, "name"), "utf8")).toBe("first");
});

test("--checksum is verified, and what is here already is not asked for", async () => {
  const good = await bring(http("/plain", { checksum: digestOf("plain") }));
  expect(good.entries[0]?.modifiedNs).toBe(0n);
  const before = served.requests.length;
  await bring(http("/plain", { checksum: digestOf("plain") }));
  expect(served.requests.length).toBe(before);
  expect(await failure(bring(http("/plain", { checksum: digestOf("else") })))).toBe(
    `digest mismatch ${digestOf("plain")}: ${digestOf("else")}`,
  );
});

test("accounts are for the first server only", async () => {
  const session = fakeSession({});
  session.secrets[`HTTP_AUTH_TOKEN_127.0.0.1:${server.port}`] = "token";
  const { directory: at } = await bring(http("/elsewhere"), { session });
  expect(served.requests.at(-1)?.authorization).toBe("Bearer token");
  expect(readFileSync(join(at, "name"), "utf8")).toBe("nobody");
});

test.each([
  ["/metadata", "169.254.169.254 is a link-local address: refused"],
  ["/mapped", "is a link-local address: refused"],
  ["/file-scheme", "redirected to file:"],
  ["/none", "invalid response status 404"],
])("attack 43: a URL that leads to %s is refused", async (path, message) => {
  expect(await failure(bring(http(path)))).toContain(message);
});

test.each([["http://169.254.169.254/"], ["http://[fe80::1]/"]])("attack 43: %s is refused", async (address) => {
  expect(await failure(bring(http("", { url: address })))).toContain("is a link-local address: refused");
});

test.each([["file:///etc/passwd"], ["ftp://host/x"], ["nonsense"]])("%s is no URL for ADD", async (address) => {
  expect(await failure(bring(http("", { url: address })))).toBe(`invalid URL ${JSON.stringify(address)}`);
});

test.each([["../x"], ["a/b"], [".."], [""]])("a file cannot be called %p", async (fileName) => {
  expect(await failure(bring(http("/plain", { fileName })))).toBe(`invalid file name ${JSON.stringify(fileName)}`);
});

test.skipIf(!isRoot)("a URL that gives text is a Dockerfile by itself", async () => {
  const context = await contexts.open({ kind: "http", url: url("/Dockerfile") }, OPTIONS);
  expect(Buffer.from(context.onlyDockerfile as Uint8Array).toString()).toBe("FROM scratch\n");
  await context.close();
});

test.skipIf(!isRoot)("heredocs are files of mode 0644", async () => {
  const { entries, directory: at } = await bring({
    kind: "inline",
    files: [
      { name: "EOF", content: "text" },
      { name: "../d/x", content: "" },
    ],
  });
  expect(entries.map(({ path, mode }) => `${path} ${mode.toString(8)}`)).toEqual(["EOF 644", "d 755", "d/x 644"]);
  expect(readFileSync(join(at, "EOF"), "utf8")).toBe("text");
});

test.skipIf(!isRoot)(
  "files that are kept are listed, count while nobody shares them, and are fetched again once removed",
  async () => {
    const url = `http://127.0.0.1:${server.port}/file`;
    const op = { kind: "http", url: `${url}?token=abc`, checksum: undefined, fileName: "f" } as const;
    served.body = "a new one";
    served.etag = '"kept"';
    await bring(op, { buildId: "keeps" });
    const listed = () => stores.http.list().find(({ description }) => description.includes("?token="));
    expect(listed()).toMatchObject({ description: `http url ${url}?token=xxxxx`, sizeBytes: 0, inUse: false });
    await sources.release("keeps");
    expect(listed()?.sizeBytes).toBe("a new one".length);
    const before = served.requests.length;
    await bring(op);
    await stores.http.remove(listed()?.id ?? "");
    expect(listed()).toBeUndefined();
    await bring(op);
    expect(served.requests.slice(before).map(({ status }) => status)).toEqual([304, 200]);
    expect(await failure(stores.http.remove("none"))).toBe("No such build cache record: none");
  },
);

test.skipIf(!isRoot)("what a build has brought goes with it", async () => {
  await sources.release("build");
  expect(readdirSync(join(directory, "scratch"))).toEqual([]);
});
