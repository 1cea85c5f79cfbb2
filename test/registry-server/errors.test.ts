import { afterAll, beforeAll, expect, test } from "bun:test";
import { inProcess, type TestRegistry } from "./in-process.ts";
import { describe, digestOf, OCI_INDEX, OCI_MANIFEST, pushBlob, pushParts, putManifest, startUpload } from "./push.ts";

let server: TestRegistry;
let location: string;
let image: string;
beforeAll(async () => {
  server = await inProcess();
  await pushBlob(server, "a", "blob");
  location = await startUpload(server, "a");
  image = await pushParts(server, "a");
  await putManifest(server, "a/manifests/there", image);
});
afterAll(() => server[Symbol.asyncDispose]());

const missing = `sha256:${"0".repeat(64)}`;
const DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json";

async function errorOf(response: Response): Promise<[number, string]> {
  const { errors } = (await response.json()) as { errors: { code: string; message: string }[] };
  expect(errors[0]?.message).not.toBe("");
  return [response.status, errors[0]?.code ?? ""];
}

test.each<[string, string, number, string]>([
  ["GET", `/v2/a/blobs/${missing}`, 404, "BLOB_UNKNOWN"],
  ["GET", "/v2/a/blobs/sha256:abc", 400, "DIGEST_INVALID"],
  ["GET", "/v2/a/blobs/md5:d41d8cd98f00b204e9800998ecf8427e", 400, "DIGEST_INVALID"],
  ["GET", "/v2/nobody/manifests/latest", 404, "NAME_UNKNOWN"],
  ["GET", "/v2/nobody/tags/list", 404, "NAME_UNKNOWN"],
  ["GET", "/v2/A/tags/list", 400, "NAME_INVALID"],
  ["GET", "/v2/a..b/tags/list", 400, "NAME_INVALID"],
  ["GET", "/v2/a%2f..%2f..%2fetc/tags/list", 400, "NAME_INVALID"],
  ["GET", "/v2/_tags/tags/list", 400, "NAME_INVALID"],
  ["GET", "/v2/a//b/tags/list", 400, "NAME_INVALID"],
  ["GET", `/v2/${"a".repeat(256)}/tags/list`, 400, "NAME_INVALID"],
  ["GET", "/v2/a/manifests/.hidden", 400, "TAG_INVALID"],
  ["GET", "/v2/a/manifests/..%2f..%2fx", 400, "TAG_INVALID"],
  ["GET", `/v2/a/manifests/${"t".repeat(129)}`, 400, "TAG_INVALID"],
  ["GET", "/v2/a/tags/list?n=x", 400, "PAGINATION_NUMBER_INVALID"],
  ["GET", `/v2/a/referrers/${missing}0`, 400, "DIGEST_INVALID"],
  ["GET", "/v2/a/blobs/uploads/0123456789abcdef0123456789abcdef", 404, "BLOB_UPLOAD_UNKNOWN"],
  ["GET", "/v2/a/blobs/uploads/..%2f..%2f_tags%2flatest", 404, "BLOB_UPLOAD_UNKNOWN"],
  ["DELETE", `/v2/a/blobs/${missing}`, 404, "BLOB_UNKNOWN"],
  ["DELETE", `/v2/nobody/manifests/${missing}`, 404, "NAME_UNKNOWN"],
  ["POST", "/v2/a/tags/list", 405, "UNSUPPORTED"],
  ["PATCH", "/v2/a/manifests/latest", 405, "UNSUPPORTED"],
  ["POST", "/v2/a/blobs/uploads/?mount=nonsense&from=a", 400, "DIGEST_INVALID"],
  ["POST", `/v2/a/blobs/uploads/?mount=${missing}&from=../a`, 400, "NAME_INVALID"],
  ["GET", "/v3/", 404, "NOT_FOUND"],
  ["GET", "/", 404, "NOT_FOUND"],
])("%s %s: %d %s", async (method, path, status, code) => {
  expect(await errorOf(await server.fetch(path, { method }))).toEqual([status, code]);
});

test("an upload that is not what its digest says is refused, and gone", async () => {
  const upload = await startUpload(server, "a");
  const put = await server.fetch(`${upload}?digest=${digestOf("other")}`, { method: "PUT", body: "this" });
  expect(await errorOf(put)).toEqual([400, "DIGEST_INVALID"]);
  expect((await server.fetch(upload)).status).toBe(404);
  const post = await server.fetch(`/v2/a/blobs/uploads/?digest=${missing}`, { method: "POST", body: "x" });
  expect(await errorOf(post)).toEqual([400, "DIGEST_INVALID"]);
});

test.each<[string, Record<string, string>, string, number, string]>([
  ["a range behind the end", { "Content-Range": "7-9" }, "abc", 416, "RANGE_INVALID"],
  ["a range that is none", { "Content-Range": "bytes 0-2/3" }, "abc", 400, "BLOB_UPLOAD_INVALID"],
  ["a range of another length", { "Content-Range": "0-9" }, "abc", 400, "SIZE_INVALID"],
])("a chunk with %s", async (_name, headers, body, status, code) => {
  expect(await errorOf(await server.fetch(location, { method: "PATCH", headers, body }))).toEqual([status, code]);
  expect((await server.fetch(location)).headers.get("range")).toBe("0-0");
});

test("a PUT without a digest, and one for another repository's upload", async () => {
  expect(await errorOf(await server.fetch(location, { method: "PUT" }))).toEqual([400, "DIGEST_INVALID"]);
  const elsewhere = location.replace("/v2/a/", "/v2/b/");
  for (const method of ["GET", "PATCH", "DELETE"]) expect((await server.fetch(elsewhere, { method })).status).toBe(404);
});

const config = describe("{}", "application/vnd.oci.image.config.v1+json");
const valid = { schemaVersion: 2, mediaType: OCI_MANIFEST, config, layers: [] };
const needs = (digest: string, size: number) => ({ ...valid, layers: [{ mediaType: "x/y", digest, size }] });

test.each<[string, unknown, string, number, string]>([
  ["no JSON", "{", OCI_MANIFEST, 400, "MANIFEST_INVALID"],
  ["layers and manifests at once", { ...valid, manifests: [] }, OCI_MANIFEST, 400, "MANIFEST_INVALID"],
  ["another type than its Content-Type", valid, DOCKER_MANIFEST, 400, "MANIFEST_INVALID"],
  ["an index's Content-Type", valid, OCI_INDEX, 400, "MANIFEST_INVALID"],
  ["a type that nobody knows", valid, "application/x-unknown", 400, "MANIFEST_INVALID"],
  [
    "Docker's type, but not in the document",
    { ...valid, mediaType: undefined },
    DOCKER_MANIFEST,
    400,
    "MANIFEST_INVALID",
  ],
  ["schema 1", { schemaVersion: 1, fsLayers: [] }, OCI_MANIFEST, 400, "MANIFEST_INVALID"],
  ["a blob that is not here", needs(missing, 1), OCI_MANIFEST, 400, "MANIFEST_BLOB_UNKNOWN"],
  ["a blob of another size", needs(digestOf("blob"), 5), OCI_MANIFEST, 400, "MANIFEST_INVALID"],
  [
    "a manifest that is not here",
    {
      schemaVersion: 2,
      mediaType: OCI_INDEX,
      manifests: [{ mediaType: OCI_MANIFEST, digest: digestOf("blob"), size: 4 }],
    },
    OCI_INDEX,
    400,
    "MANIFEST_BLOB_UNKNOWN",
  ],
])("a manifest with %s is refused", async (_name, document, type, status, code) => {
  const body = typeof document === "string" ? document : JSON.stringify(document);
  const init = { method: "PUT", body, headers: { "Content-Type": type } };
  expect(await errorOf(await server.fetch("/v2/a/manifests/bad", init))).toEqual([status, code]);
  expect((await server.fetch("/v2/a/manifests/bad")).status).toBe(404);
});

test("a manifest of 4 MiB is taken, and one byte more is too large", async () => {
  const bare = JSON.stringify({ ...(JSON.parse(image) as object), annotations: { x: "" } });
  const padded = (bytes: number) => bare.replace('"x":""', `"x":"${"y".repeat(bytes - bare.length)}"`);
  const put = (body: string) =>
    server.fetch("/v2/a/manifests/large", { method: "PUT", body, headers: { "Content-Type": OCI_MANIFEST } });
  expect((await put(padded(4 << 20))).status).toBe(201);
  expect(await errorOf(await put(padded((4 << 20) + 1)))).toEqual([413, "MANIFEST_TOO_LARGE"]);
});

test("a push under a digest that is not the document's changes nothing", async () => {
  const init = { method: "PUT", body: image, headers: { "Content-Type": OCI_MANIFEST } };
  expect(await errorOf(await server.fetch(`/v2/a/manifests/${missing}`, init))).toEqual([400, "DIGEST_INVALID"]);
});

test("artifacts that are no images are taken, and layers that are kept elsewhere need not be here", async () => {
  const foreign = { mediaType: "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", digest: missing, size: 7 };
  const artifact = {
    ...valid,
    artifactType: "application/x-anything",
    layers: [{ ...describe("blob", "text/plain") }, foreign],
  };
  const init = { method: "PUT", body: JSON.stringify(artifact), headers: { "Content-Type": OCI_MANIFEST } };
  expect((await server.fetch("/v2/a/manifests/artifact", init)).status).toBe(201);
});
