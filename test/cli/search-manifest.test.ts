import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { gantry } from "./gantry.ts";
import { progressDaemon } from "./progress-daemon.ts";

const OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json";
const OCI_INDEX = "application/vnd.oci.image.index.v1+json";
const DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json";

interface Stored {
  mediaType: string;
  text: string;
  platform?: object;
}

const digestOf = (text: string) => `sha256:${new Bun.CryptoHasher("sha256").update(text).digest("hex")}`;
const manifest = (mediaType: string, architecture: string): Stored => ({
  mediaType,
  text: `{"schemaVersion": 2,  "mediaType": "${mediaType}", "config": {"of": "${architecture}"}, "layers": []}`,
  platform: { architecture, os: "linux" },
});
const AMD = manifest(OCI_MANIFEST, "amd64");
const ARM = manifest(OCI_MANIFEST, "arm64");
const OLD = manifest(DOCKER_MANIFEST, "s390x");
const descriptor = ({ mediaType, text, platform }: Stored) => ({
  mediaType,
  digest: digestOf(text),
  size: text.length,
  platform,
});
const INDEX: Stored = {
  mediaType: OCI_INDEX,
  text: JSON.stringify({ schemaVersion: 2, mediaType: OCI_INDEX, manifests: [descriptor(AMD), descriptor(ARM)] }),
};
const REGISTRY: Record<string, Stored> = {
  "h:5000/x:amd": AMD,
  "h:5000/x:arm": ARM,
  "h:5000/other/y:old": OLD,
  "h:5000/x": INDEX,
  "h:5000/x:orders": { mediaType: OCI_MANIFEST, text: '{"a": "\u009b2J\\u001b[2J"}' },
  "i:5000/x:amd": AMD,
  [`h:5000/x@${digestOf(AMD.text)}`]: AMD,
  [`h:5000/x@${digestOf(ARM.text)}`]: ARM,
};

const FOUND = [
  {
    name: "busybox",
    description: "A very long description that goes on and on\nover lines",
    star_count: 3000,
    is_official: true,
    is_automated: false,
  },
  { name: "joe/\u001b[2Jx", description: "d", star_count: 3, is_official: false, is_automated: true },
];

let daemon: ReturnType<typeof progressDaemon>;
beforeEach(() => {
  daemon = progressDaemon(({ method, path, body }) => {
    if (path === "/images/search") return Response.json(FOUND);
    const [, noun, name = ""] = /^\/(gantry\/manifests|distribution)\/(.*?)(?:\/json)?$/.exec(path) ?? [];
    if (method === "PUT") {
      const { Document } = JSON.parse(body) as { Document: string };
      return Response.json({ Digest: digestOf(Document) }, { status: 201 });
    }
    const found = REGISTRY[name];
    if (found === undefined) return Response.json({ message: `manifest for ${name} not found` }, { status: 404 });
    if (noun === "distribution") return Response.json({ Descriptor: descriptor(found), Platforms: [found.platform] });
    const headers = { "Content-Type": found.mediaType, "Docker-Content-Digest": digestOf(found.text) };
    return new Response(found.text, { headers });
  });
  mkdirSync(`${daemon.dir}/config`);
});
afterEach(() => daemon[Symbol.dispose]());
const run = (...args: string[]) =>
  gantry(daemon.host, args, { environment: { DOCKER_CONFIG: `${daemon.dir}/config` } });

describe("search", () => {
  test("is Docker's table, without anybody's power over the terminal", async () => {
    expect((await run("search", "busy")).out).toBe(
      "NAME        DESCRIPTION                                     STARS     OFFICIAL\n" +
        "busybox     A very long description that goes on and on …   3000      [OK]\n" +
        "joe/\ufffd[2Jx   d                                               3         \n",
    );
  });

  test("--no-trunc, templates and JSON", async () => {
    expect((await run("search", "--no-trunc", "x")).out).toContain("that goes on and on over lines   3000");
    const { out } = await run("search", "--format", "{{.Name}} {{.StarCount}} {{.IsOfficial}}", "x");
    expect(out.split("\n")[0]).toBe("busybox 3000 true");
    const json = await run("search", "--format", "json", "x");
    expect(JSON.parse(json.out.split("\n")[1] ?? "")).toMatchObject({ IsOfficial: "false", StarCount: "3" });
    expect((await run("search", "--format", "{{.IsAutomated}}", "x")).code).toBe(1);
  });

  test("term, limit and filters are asked for", async () => {
    await run("search", "--limit", "5", "-f", "stars=3", "--filter", "is-official=true", "h:5000/x");
    const query = daemon.asked[0]?.query;
    expect([query?.get("term"), query?.get("limit")]).toEqual(["h:5000/x", "5"]);
    expect(JSON.parse(query?.get("filters") ?? "")).toEqual({ stars: { "3": true }, "is-official": { true: true } });
    await run("search", "x");
    expect(daemon.asked[1]?.query.has("limit")).toBe(false);
  });
});

describe("manifest inspect", () => {
  test("shows a manifest with tabs and an index with three spaces, as Docker does", async () => {
    expect((await run("manifest", "inspect", "h:5000/x:amd")).out).toBe(
      `${JSON.stringify(JSON.parse(AMD.text), undefined, "\t")}\n`,
    );
    expect((await run("manifest", "inspect", "h:5000/x")).out).toBe(
      `${JSON.stringify(JSON.parse(INDEX.text), undefined, 3)}\n`,
    );
  });

  test("-v: descriptor, platform and the registry's bytes, of each manifest of an index", async () => {
    const expected = (stored: Stored, ref: string) => ({
      Ref: ref,
      Descriptor: descriptor(stored),
      Raw: btoa(stored.text),
      OCIManifest: JSON.parse(stored.text) as unknown,
    });
    expect(JSON.parse((await run("manifest", "inspect", "-v", "h:5000/x:amd")).out)).toEqual(
      expected(AMD, "h:5000/x:amd"),
    );
    expect(JSON.parse((await run("manifest", "inspect", "-v", "h:5000/x")).out)).toEqual([
      expected(AMD, `h:5000/x@${digestOf(AMD.text)}`),
      expected(ARM, `h:5000/x@${digestOf(ARM.text)}`),
    ]);
    const old = JSON.parse((await run("manifest", "inspect", "-v", "h:5000/other/y:old")).out) as object;
    expect(Object.keys(old)).toEqual(["Ref", "Descriptor", "Raw", "SchemaV2Manifest"]);
  });

  test("what stands in it has no power over the terminal, and is JSON still", async () => {
    const { out } = await run("manifest", "inspect", "h:5000/x:orders");
    expect(out).not.toMatch(/(?!\n|\t)\p{Cc}/u);
    expect(JSON.parse(out)).toEqual({ a: "\u009b2J\u001b[2J" });
  });

  test("--insecure reaches the daemon; what is not there is told in Docker's words", async () => {
    await run("manifest", "inspect", "--insecure", "h:5000/x:amd");
    expect(daemon.asked[0]?.query.get("insecure")).toBe("1");
    const { code, err } = await run("manifest", "inspect", "h:5000/x:none");
    expect([code, err]).toEqual([1, "no such manifest: h:5000/x:none\n"]);
  });
});

describe("a list that is put together here", () => {
  const LIST = "h:5000/x:list";
  const files = () => readdirSync(`${daemon.dir}/config/manifests/h-5000_x-list`);

  test("create, annotate, inspect, push: Docker's files, Docker's document", async () => {
    expect((await run("manifest", "create", LIST, "h:5000/x:arm", "h:5000/x:amd")).out).toBe(
      `Created manifest list ${LIST}\n`,
    );
    expect(files()).toEqual(["h-5000_x-amd", "h-5000_x-arm"]);
    const flags = ["--variant", "v8", "--os-version", "1", "--os-features", "a,b"];
    expect((await run("manifest", "annotate", ...flags, LIST, "h:5000/x:arm")).code).toBe(0);
    const arm = { architecture: "arm64", os: "linux", "os.version": "1", "os.features": ["a", "b"], variant: "v8" };
    const entry = ({ mediaType, digest, size, platform }: ReturnType<typeof descriptor>) => ({
      mediaType,
      size,
      digest,
      platform,
    });
    const document = {
      schemaVersion: 2,
      mediaType: OCI_INDEX,
      manifests: [entry(descriptor(AMD)), entry({ ...descriptor(ARM), platform: arm })],
    };
    const text = JSON.stringify(document, undefined, 3);
    expect((await run("manifest", "inspect", LIST)).out).toBe(`${text}\n`);
    expect((await run("manifest", "push", "--purge", LIST)).out).toBe(`${digestOf(text)}\n`);
    const put = daemon.asked.at(-1);
    expect([put?.method, put?.path]).toEqual(["PUT", `/gantry/manifests/${LIST}`]);
    expect(JSON.parse(put?.body ?? "")).toEqual({ MediaType: OCI_INDEX, Document: text, Sources: [] });
    expect(existsSync(`${daemon.dir}/config/manifests/h-5000_x-list`)).toBe(false);
  });

  test("one image in Docker's format makes it Docker's list; another repository is a source", async () => {
    await run("manifest", "create", LIST, "h:5000/x:amd", "h:5000/other/y:old");
    await run("manifest", "push", LIST);
    const body = JSON.parse(daemon.asked.at(-1)?.body ?? "") as { MediaType: string; Sources: unknown };
    expect(body.MediaType).toBe("application/vnd.docker.distribution.manifest.list.v2+json");
    expect(body.Sources).toEqual([{ Repository: "h:5000/other/y", Digest: digestOf(OLD.text) }]);
    expect(files()).toHaveLength(2);
  });

  test("an existing list wants --amend; an index, what is missing and another registry are refused", async () => {
    await run("manifest", "create", LIST, "h:5000/x:amd");
    const failure = async (...args: string[]) => {
      const { code, err } = await run("manifest", ...args);
      expect(code).toBe(1);
      return err;
    };
    expect(await failure("create", LIST, "h:5000/x:arm")).toContain("with no --amend flag");
    expect((await run("manifest", "create", "--amend", LIST, "h:5000/x:arm")).code).toBe(0);
    expect(await failure("create", "h:5000/x:l2", "h:5000/x")).toBe("h:5000/x is a manifest list\n");
    expect(await failure("create", "h:5000/x:l2", "h:5000/x:none")).toBe("no such manifest: h:5000/x:none\n");
    expect(await failure("push", "h:5000/x:l2")).toBe("No such manifest: h:5000/x:l2\n");
    expect(await failure("annotate", LIST, "h:5000/x:none")).toBe(
      `manifest for image h:5000/x:none does not exist in ${LIST}\n`,
    );
    expect(await failure("annotate", "--arch", "sparc", LIST, "h:5000/x:amd")).toContain(
      "unsupported os/arch combination",
    );
    await run("manifest", "create", "h:5000/x:l3", "i:5000/x:amd");
    expect(await failure("push", "h:5000/x:l3")).toContain("i:5000 != h:5000");
    expect(await failure("rm", "h:5000/x:no1", LIST, "h:5000/x:no2")).toBe(
      "No such manifest: h:5000/x:no1\nNo such manifest: h:5000/x:no2\n",
    );
    expect(existsSync(`${daemon.dir}/config/manifests/h-5000_x-list`)).toBe(false);
    expect(readFileSync(`${daemon.dir}/config/manifests/h-5000_x-l3/i-5000_x-amd`, "utf8")).toContain('"Raw"');
  });
});
