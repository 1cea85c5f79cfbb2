import { expect, test } from "bun:test";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import type { BuildSession } from "../../src/builder/session.ts";
import { gantry } from "../cli/gantry.ts";
import { createFakeBuilder, type FakeBuilderOptions } from "./fake-builder.ts";
import { serveBuilder } from "./serve-builder.ts";

const digestOf = (text: string) => `sha256:${new Bun.CryptoHasher("sha256").update(text).digest("hex")}`;
const REF_NAME = "org.opencontainers.image.ref.name";
const MANIFEST = { mediaType: "application/vnd.oci.image.manifest.v1+json", digest: digestOf("manifest"), size: 8 };

async function served(options: FakeBuilderOptions) {
  const builder = createFakeBuilder(options);
  const daemon = await serveBuilder(builder);
  writeFileSync(`${daemon.directory}/Dockerfile`, "FROM scratch\n");
  const run = (...flags: string[]) => gantry(daemon.host, ["build", "-q", ...flags, daemon.directory]);
  return { builder, daemon, run, [Symbol.asyncDispose]: () => daemon[Symbol.asyncDispose]() };
}

function layoutsOf(session: BuildSession) {
  if (session.layouts === undefined) throw new Error("the client offers no layouts");
  return session.layouts;
}

async function text(bytes: AsyncIterable<Uint8Array>): Promise<string> {
  let all = "";
  for await (const chunk of bytes) all += Buffer.from(chunk).toString();
  return all;
}

async function* bytesOf(content: string) {
  yield Buffer.from(content);
}

async function failure(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return "no failure";
  } catch (error) {
    return (error as Error).message;
  }
}

test("a cache in a directory is written blob by blob, verified, and found again by the next build", async () => {
  const seen: unknown[] = [];
  await using s = await served({
    async solve({ cacheFrom }, { session, signal }) {
      const [cache] = cacheFrom;
      if (cache === undefined) return undefined;
      const { src = "", digest = "" } = cache.attributes;
      seen.push(digest, await text(layoutsOf(session).read(`local:${src}`, digest, signal)));
      return undefined;
    },
    async exported(_outputs, { session, signal }) {
      const layouts = layoutsOf(session);
      const id = `local:${s.daemon.directory}/cache`;
      const blob = (content: string) => ({
        digest: digestOf(content),
        sizeBytes: content.length,
        bytes: bytesOf(content),
      });
      seen.push(await layouts.has(id, digestOf("layer"), signal));
      await layouts.write(id, blob("layer"), signal);
      await layouts.write(id, blob("manifest"), signal);
      seen.push(await layouts.has(id, digestOf("layer"), signal));
      seen.push(await failure(layouts.write(id, { ...blob("other"), digest: digestOf("wrong") }, signal)));
      seen.push(await failure(layouts.write("local:/etc", blob("x"), signal)));
      return { response: { "cache.manifest": JSON.stringify(MANIFEST) } };
    },
  });
  const cache = `${s.daemon.directory}/cache`;
  const wrong = `blob ${digestOf("wrong")} is not what was sent`;
  const first = await s.run("--cache-to", `type=local,dest=${cache}`);
  expect(first.err).toBe("");
  expect(seen.splice(0)).toEqual([false, true, wrong, expect.stringContaining("was offered")]);
  expect(readdirSync(`${cache}/blobs/sha256`).toSorted()).toEqual(
    ["layer", "manifest"].map((one) => digestOf(one).slice(7)).toSorted(),
  );
  expect(JSON.parse(readFileSync(`${cache}/index.json`, "utf8"))).toMatchObject({
    schemaVersion: 2,
    manifests: [{ ...MANIFEST, annotations: { [REF_NAME]: "latest" } }],
  });
  await s.run("--cache-from", `type=local,src=${cache}`, "--cache-to", `type=local,dest=${cache},tag=other`);
  expect(seen.slice(0, 3)).toEqual([MANIFEST.digest, "manifest", true]);
  const { manifests } = JSON.parse(readFileSync(`${cache}/index.json`, "utf8")) as {
    manifests: { annotations: Record<string, string> }[];
  };
  expect(manifests.map(({ annotations }) => annotations[REF_NAME])).toEqual(["latest", "other"]);
});

test("a cache that is not there is said, and the build goes on without", async () => {
  await using s = await served({});
  mkdirSync(`${s.daemon.directory}/broken`);
  writeFileSync(`${s.daemon.directory}/broken/index.json`, "{");
  for (const name of ["missing", "broken"]) {
    const { code, err } = await s.run("--cache-from", `type=local,src=${s.daemon.directory}/${name}`);
    expect([code, err]).toEqual([0, `WARNING: there is no cache in ${s.daemon.directory}/${name}, going on without\n`]);
  }
  expect(s.builder.requests.map(({ cacheFrom }) => cacheFrom)).toEqual([[], []]);
});

test("nothing but blobs of the directories that were named can be read", async () => {
  const errors: string[] = [];
  await using s = await served({
    async solve(_request, { session, signal }) {
      const layouts = layoutsOf(session);
      const id = `local:${s.daemon.directory}/cache`;
      for (const [layout, digest] of [
        ["local:/etc", digestOf("x")],
        [id, "../../Dockerfile"],
        [id, digestOf("missing")],
      ] as const) {
        errors.push(await failure(text(layouts.read(layout, digest, signal))));
      }
      return undefined;
    },
  });
  mkdirSync(`${s.daemon.directory}/cache`);
  writeFileSync(
    `${s.daemon.directory}/cache/index.json`,
    JSON.stringify({ manifests: [{ ...MANIFEST, annotations: { [REF_NAME]: "latest" } }] }),
  );
  expect((await s.run("--cache-from", `type=local,src=${s.daemon.directory}/cache`)).code).toBe(0);
  expect(errors).toEqual([
    expect.stringContaining("was offered"),
    expect.stringContaining("was offered"),
    expect.stringContaining("ENOENT"),
  ]);
});
