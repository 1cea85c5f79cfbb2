import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { inProcess, type TestRegistry } from "./in-process.ts";
import {
  describe as descriptorOf,
  digestOf,
  must,
  OCI_INDEX,
  OCI_MANIFEST,
  pushBlob,
  pushImage,
  pushParts,
  putManifest,
  startUpload,
} from "./push.ts";

let server: TestRegistry;
beforeAll(async () => void (server = await inProcess()));
afterAll(() => server[Symbol.asyncDispose]());

const missing = `sha256:${"0".repeat(64)}`;

describe("each endpoint of the distribution specification", () => {
  test("end-1: the version", async () => {
    const response = await server.fetch("/v2/");
    expect([response.status, response.headers.get("docker-distribution-api-version")]).toEqual([200, "registry/2.0"]);
  });

  test("end-2: a blob by GET, HEAD and Range", async () => {
    const digest = await pushBlob(server, "conf/blob", "0123456789");
    const path = `/v2/conf/blob/blobs/${digest}`;
    const whole = await server.fetch(path);
    expect(await whole.text()).toBe("0123456789");
    expect(whole.headers.get("docker-content-digest")).toBe(digest);
    const head = await server.fetch(path, { method: "HEAD" });
    expect([head.status, head.headers.get("content-length")]).toEqual([200, "10"]);
    const part = await server.fetch(path, { headers: { Range: "bytes=2-4" } });
    expect([part.status, await part.text(), part.headers.get("content-range")]).toEqual([206, "234", "bytes 2-4/10"]);
    expect((await server.fetch(path, { headers: { Range: "bytes=10-" } })).status).toBe(416);
    const etag = whole.headers.get("etag") ?? "";
    expect((await server.fetch(path, { headers: { "If-None-Match": etag } })).status).toBe(304);
    const stale = await server.fetch(path, { headers: { Range: "bytes=2-4", "If-Range": '"other"' } });
    expect(stale.status).toBe(200);
    expect((await server.fetch(`/v2/conf/blob/blobs/${missing}`)).status).toBe(404);
    expect((await server.fetch(`/v2/conf/blob/blobs/${digest.replace(":", "%3A")}`)).status).toBe(200);
  });

  test("end-3: a manifest by tag and digest, GET and HEAD, as it was pushed", async () => {
    const digest = await pushImage(server, "conf/manifest", "v1");
    for (const reference of ["v1", digest]) {
      const path = `/v2/conf/manifest/manifests/${reference}`;
      const response = await server.fetch(path);
      expect(response.headers.get("content-type")).toBe(OCI_MANIFEST);
      expect(digestOf(await response.text())).toBe(digest);
      const head = await server.fetch(path, { method: "HEAD" });
      expect(head.headers.get("content-length")).toBe(response.headers.get("content-length"));
      expect(head.headers.get("docker-content-digest")).toBe(digest);
      const again = await server.fetch(path, { headers: { "If-None-Match": `"${digest}"` } });
      expect(again.status).toBe(304);
    }
  });

  test("end-4b: a blob in one POST", async () => {
    const digest = digestOf("mono");
    const path = `/v2/conf/mono/blobs/uploads/?digest=${digest}`;
    const response = await server.fetch(path, { method: "POST", body: "mono" });
    expect([response.status, response.headers.get("location")]).toEqual([201, `/v2/conf/mono/blobs/${digest}`]);
    expect(await (await server.fetch(`/v2/conf/mono/blobs/${digest}`)).text()).toBe("mono");
  });

  test("end-4a and 6: POST, then PUT of the whole blob, also an empty one and by sha512", async () => {
    for (const [bytes, algorithm] of [
      ["put", "sha256"],
      ["", "sha256"],
      ["put", "sha512"],
    ] as const) {
      const digest = digestOf(bytes, algorithm);
      const location = await startUpload(server, "conf/put");
      const response = await server.fetch(`${location}?digest=${digest}`, { method: "PUT", body: bytes });
      expect(response.status).toBe(201);
      expect(await (await server.fetch(`/v2/conf/put/blobs/${digest}`)).text()).toBe(bytes);
    }
  });

  test("end-5, 6 and 13: chunks in order, resumed, closed by PUT", async () => {
    const location = await startUpload(server, "conf/chunks");
    const patch = (range: string, body: string) =>
      server.fetch(location, { method: "PATCH", body, headers: { "Content-Range": range } });
    const first = await patch("0-3", "abcd");
    expect([first.status, first.headers.get("range")]).toEqual([202, "0-3"]);
    const early = await patch("5-6", "fg");
    expect([early.status, early.headers.get("range"), early.headers.get("location")]).toEqual([416, "0-3", location]);
    const state = await server.fetch(location);
    expect([state.status, state.headers.get("range")]).toEqual([204, "0-3"]);
    expect((await patch("4-5", "ef")).status).toBe(202);
    const digest = digestOf("abcdefgh");
    const last = await server.fetch(`${location}?digest=${digest}`, {
      method: "PUT",
      body: "gh",
      headers: { "Content-Range": "6-7" },
    });
    expect(last.status).toBe(201);
    expect((await server.fetch(location)).status).toBe(404);
    expect(await (await server.fetch(`/v2/conf/chunks/blobs/${digest}`)).text()).toBe("abcdefgh");
  });

  test("a streamed PATCH without Content-Range, by sha512 in the end", async () => {
    const location = await startUpload(server, "conf/stream");
    const body = new ReadableStream({
      async start(controller) {
        for (const piece of ["one", "two", "three"]) controller.enqueue(Buffer.from(piece));
        controller.close();
      },
    });
    expect((await server.fetch(location, { method: "PATCH", body })).headers.get("range")).toBe("0-10");
    const digest = digestOf("onetwothree", "sha512");
    expect((await server.fetch(`${location}?digest=${digest}`, { method: "PUT" })).status).toBe(201);
  });

  test("end-14: cancelling an upload", async () => {
    const location = await startUpload(server, "conf/cancel");
    expect((await server.fetch(location, { method: "DELETE" })).status).toBe(204);
    for (const method of ["GET", "DELETE", "PATCH"])
      expect((await server.fetch(location, { method })).status).toBe(404);
  });

  test("end-7 and 7b: a manifest by tag, by digest, and by digest with tags", async () => {
    const text = await pushParts(server, "conf/tags-at-once");
    const digest = digestOf(text);
    const response = await putManifest(server, `conf/tags-at-once/manifests/${digest}?tag=a&tag=b`, text);
    expect([response.status, response.headers.get("oci-tag")]).toEqual([201, "a, b"]);
    expect(response.headers.get("docker-content-digest")).toBe(digest);
    const tags = await (await server.fetch("/v2/conf/tags-at-once/tags/list")).json();
    expect(tags).toEqual({ name: "conf/tags-at-once", tags: ["a", "b"] });
    const longer = digestOf(text, "sha512");
    await putManifest(server, `conf/tags-at-once/manifests/${longer}`, text);
    expect((await server.fetch(`/v2/conf/tags-at-once/manifests/${longer}`)).status).toBe(200);
  });

  test("end-8: tags, in order, in pages", async () => {
    for (const tag of ["c", "a", "b"]) await pushImage(server, "conf/pages", tag);
    const page = await server.fetch("/v2/conf/pages/tags/list?n=2");
    expect(((await page.json()) as { tags: string[] }).tags).toEqual(["a", "b"]);
    const next = /<(.+)>; rel="next"/.exec(page.headers.get("link") ?? "")?.[1] ?? "";
    expect(((await (await server.fetch(next)).json()) as { tags: string[] }).tags).toEqual(["c"]);
    const none = await server.fetch("/v2/conf/pages/tags/list?n=0");
    expect([((await none.json()) as { tags: string[] }).tags, none.headers.get("link")]).toEqual([[], null]);
  });

  test("end-9: deleting a tag leaves the manifest, deleting the manifest takes its tags", async () => {
    const digest = await pushImage(server, "conf/delete", "one");
    await pushImage(server, "conf/delete", "two");
    const at = (reference: string, method = "DELETE") =>
      server.fetch(`/v2/conf/delete/manifests/${reference}`, { method });
    expect((await at("one")).status).toBe(202);
    expect((await at("one", "GET")).status).toBe(404);
    expect((await at(digest, "GET")).status).toBe(200);
    expect((await at(digest)).status).toBe(202);
    expect((await at("two", "GET")).status).toBe(404);
    expect((await at(digest)).status).toBe(404);
  });

  test("end-10: deleting a blob from one repository leaves it in another", async () => {
    const digest = await pushBlob(server, "conf/here", "shared");
    await pushBlob(server, "conf/there", "shared");
    const at = (name: string, method: string) => server.fetch(`/v2/conf/${name}/blobs/${digest}`, { method });
    expect((await at("here", "DELETE")).status).toBe(202);
    expect((await at("here", "GET")).status).toBe(404);
    expect((await at("here", "DELETE")).status).toBe(404);
    expect((await at("there", "GET")).status).toBe(200);
  });

  test("end-11: a blob is mounted from where it is, else an upload begins", async () => {
    const digest = await pushBlob(server, "conf/source", "mounted");
    const mount = (wanted: string) =>
      server.fetch(`/v2/conf/target/blobs/uploads/?mount=${wanted}&from=conf/source`, { method: "POST" });
    const response = await mount(digest);
    expect([response.status, response.headers.get("location")]).toEqual([201, `/v2/conf/target/blobs/${digest}`]);
    expect(await (await server.fetch(`/v2/conf/target/blobs/${digest}`)).text()).toBe("mounted");
    const absent = await mount(missing);
    expect(absent.status).toBe(202);
    const location = absent.headers.get("location") ?? "";
    expect((await server.fetch(location)).status).toBe(204);
    const anonymous = await server.fetch(`/v2/conf/target/blobs/uploads/?mount=${digest}`, { method: "POST" });
    expect(anonymous.status).toBe(202);
  });

  test("end-12: referrers, filtered, also of a subject that is not there, and from the fallback tag", async () => {
    const subject = await pushImage(server, "conf/subject", "v1");
    const about = { subject: { ...descriptorOf("x", OCI_MANIFEST), digest: subject, size: 5 } };
    const signature = await pushParts(server, "conf/subject", {
      more: { ...about, artifactType: "test/signature", annotations: { by: "me" } },
    });
    const pushed = await putManifest(server, `conf/subject/manifests/${digestOf(signature)}`, signature);
    expect(pushed.headers.get("oci-subject")).toBe(subject);
    const plain = await pushParts(server, "conf/subject", { layer: "other", more: about });
    await putManifest(server, `conf/subject/manifests/${digestOf(plain)}`, plain);
    const list = async (query: string) => {
      const response = await server.fetch(`/v2/conf/subject/referrers/${subject}${query}`);
      expect(response.headers.get("content-type")).toBe(OCI_INDEX);
      const { manifests } = (await response.json()) as { manifests: Record<string, unknown>[] };
      return { manifests, filters: response.headers.get("oci-filters-applied") };
    };
    const size = Buffer.byteLength(signature);
    const described = { mediaType: OCI_MANIFEST, digest: digestOf(signature), size, artifactType: "test/signature" };
    const all = await list("");
    expect([all.filters, all.manifests.length]).toEqual([null, 2]);
    const some = await list("?artifactType=test/signature");
    expect(some).toEqual({ manifests: [{ ...described, annotations: { by: "me" } }], filters: "artifactType" });
    expect((await list("?artifactType=none")).manifests).toEqual([]);

    const old = await pushParts(server, "conf/subject", { layer: "old" });
    await putManifest(server, `conf/subject/manifests/${digestOf(old)}`, old);
    const index = { schemaVersion: 2, mediaType: OCI_INDEX, manifests: [descriptorOf(old, OCI_MANIFEST)] };
    await putManifest(server, `conf/subject/manifests/${subject.replace(":", "-")}`, JSON.stringify(index), OCI_INDEX);
    expect((await list("")).manifests.map(({ digest }) => digest)).toContain(digestOf(old));

    await must(server, `/v2/conf/subject/manifests/${digestOf(signature)}`, { method: "DELETE" });
    expect((await list("?artifactType=test/signature")).manifests).toEqual([]);
    expect((await server.fetch(`/v2/conf/nobody/referrers/${missing}`)).status).toBe(200);
  });

  test("the catalog, in pages", async () => {
    for (const name of ["catalog/b", "catalog/a-c", "catalog/a/c", "catalog/a"]) await pushImage(server, name, "x");
    await startUpload(server, "catalog/unfinished");
    const page = await server.fetch("/v2/_catalog?n=4&last=catalog");
    const { repositories } = (await page.json()) as { repositories: string[] };
    expect(repositories).toEqual(["catalog/a", "catalog/a-c", "catalog/a/c", "catalog/b"]);
    expect(page.headers.get("link")).toBe('</v2/_catalog?last=catalog%2Fb&n=4>; rel="next"');
  });
});
