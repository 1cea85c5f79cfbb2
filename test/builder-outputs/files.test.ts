import { expect, test } from "bun:test";
import {
  chmodSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import type { Output } from "../../src/builder/builder.ts";
import type { TreeResult } from "../../src/builder/results.ts";
import { createTarParser } from "../../src/formats/tar/parser.ts";
import { AT_FDCWD, makeNodeAt, S_IFIFO } from "../../src/kernel/files.ts";
import { setXattr } from "../../src/kernel/xattr.ts";
import { failure } from "../images/fixture.ts";
import { never, openClient, openWorkshop, SCRATCH, solvedOf, targetOf, type Workshop } from "./workshop.ts";

const AMD64 = { os: "linux", architecture: "amd64" };
const ARM64 = { os: "linux", architecture: "arm64" };

function files(type: "local" | "tar", attributes: Record<string, string> = {}): Output {
  return { type, id: "0", names: [], attributes };
}

/** Every kind of file, over a layer whose files it partly hides. */
async function manyKinds(shop: Workshop): Promise<TreeResult> {
  const base = await shop.layer(SCRATCH, { "a/kept": "kept", "a/gone": "gone", "b.txt": "below" });
  return shop.layers.fill(base, { epochSeconds: undefined, hold: () => {}, signal: never }, async (root) => {
    mkdirSync(`${root}/a`);
    makeNodeAt(AT_FDCWD, `${root}/a/gone`, 0o020000, { major: 0, minor: 0 });
    writeFileSync(`${root}/a/run`, "#!/bin/sh\n");
    chmodSync(`${root}/a/run`, 0o4755);
    writeFileSync(`${root}/b.txt`, "above");
    linkSync(`${root}/b.txt`, `${root}/c.txt`);
    setXattr(`${root}/b.txt`, "user.note", Buffer.from("hello"));
    symlinkSync("/etc/shadow", `${root}/link`);
    makeNodeAt(AT_FDCWD, `${root}/pipe`, S_IFIFO | 0o644, { major: 0, minor: 0 });
    utimesSync(`${root}/a/run`, 1_600_000_001, 1_600_000_001);
  });
}

/** `type name → target mode`. */
function listing(archive: Uint8Array): string[] {
  const found: string[] = [];
  const parser = createTarParser({
    entry: ({ type, name, linkName, mode }) =>
      void found.push(
        `${type} ${name.toString()}${linkName.length > 0 ? ` → ${linkName.toString()}` : ""} ${mode.toString(8)}`,
      ),
    data: () => {},
    close: () => {},
  });
  parser.push(archive);
  parser.end();
  return found;
}

/** What this process has open, threads included. */
function openFiles(): string[] {
  return readdirSync("/proc/self/fd").flatMap((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      return [];
    }
  });
}

const KINDS = [
  "directory a/ 755",
  "file a/kept 644",
  "file a/run 4755",
  "file b.txt 644",
  "hardlink c.txt → b.txt 644",
  "symlink link → /etc/shadow 777",
  "fifo pipe 644",
];

test("the files of the result go to a directory of the client: names in order, contents when they are asked for", async () => {
  await using shop = await openWorkshop();
  const client = openClient();
  await shop.export(solvedOf(targetOf(await manyKinds(shop))), [files("local")], client);
  const { entries, contents, archive } = client.directories["0"]!;
  const told = entries.map(
    ({ path, type, linkName, mode }) => `${type} ${path}${linkName && ` → ${linkName}`} ${mode.toString(8)}`,
  );
  expect(told).toEqual(KINDS.map((line) => line.replace("a/ ", "a ").replace("hardlink", "file")));
  expect(contents).toEqual({ "a/kept": "kept", "a/run": "#!/bin/sh\n", "b.txt": "above" });
  const note = entries.find(({ path }) => path === "b.txt")?.xattrs.get("user.note");
  expect(Buffer.from(note ?? []).toString()).toBe("hello");
  expect(entries.find(({ path }) => path === "a/run")?.modifiedNs).toBe(1_600_000_001_000_000_000n);
  expect(listing(archive)).toEqual(KINDS);
  expect(openFiles().filter((path) => /(a\/run|a\/kept|b\.txt)$/.test(path))).toEqual([]);
});

test("as an archive they are the same", async () => {
  await using shop = await openWorkshop();
  const client = openClient();
  await shop.export(solvedOf(targetOf(await manyKinds(shop))), [files("tar")], client);
  expect(listing(client.archives["0"] as Buffer)).toEqual(KINDS);
});

test("a large file comes as it is", async () => {
  await using shop = await openWorkshop();
  const client = openClient();
  const large = "0123456789abcdef".repeat(40_000);
  await shop.export(solvedOf(targetOf(await shop.layer(SCRATCH, { large, small: "" }))), [files("local")], client);
  const { contents } = client.directories["0"]!;
  expect(contents.large === large).toBe(true);
  expect(contents.small).toBe("");
  expect(openFiles().filter((path) => path.endsWith("/large"))).toEqual([]);
});

test("a result without files is an empty directory", async () => {
  await using shop = await openWorkshop();
  const client = openClient();
  await shop.export(solvedOf(targetOf(SCRATCH)), [files("local")], client);
  expect(client.directories["0"]!.entries).toEqual([]);
  expect(listing(client.directories["0"]!.archive)).toEqual([]);
});

test("several platforms get a directory each, with what is said about them beside their files", async () => {
  await using shop = await openWorkshop();
  const client = openClient();
  const targets = [ARM64, AMD64].map(async (platform) =>
    targetOf(await shop.layer(SCRATCH, { "a.txt": platform.architecture, "z.txt": "z" }), platform),
  );
  const request = { attestations: { provenance: "min", sbom: false } as const, epochSeconds: 1_600_000_000 };
  const solved = solvedOf(...(await Promise.all(targets)));
  await shop.export(solved, [files("local"), { ...files("tar"), id: "1" } as Output], { ...client, request });
  const { entries, contents } = client.directories["0"]!;
  expect(entries.map(({ path }) => path)).toEqual([
    "linux_amd64",
    "linux_amd64/a.txt",
    "linux_amd64/provenance.json",
    "linux_amd64/z.txt",
    "linux_arm64",
    "linux_arm64/a.txt",
    "linux_arm64/provenance.json",
    "linux_arm64/z.txt",
  ]);
  expect(contents["linux_arm64/a.txt"]).toBe("arm64");
  expect(JSON.parse(contents["linux_amd64/provenance.json"] ?? "").predicateType).toBe(
    "https://slsa.dev/provenance/v0.2",
  );
  expect(new Set(entries.map(({ modifiedNs }) => modifiedNs))).toEqual(new Set([1_600_000_000_000_000_000n]));
  const packed = listing(client.archives["1"] as Buffer).map((line) => line.split(" ")[1] ?? "");
  expect(new Set(packed)).toEqual(new Set(entries.map(({ path, type }) => (type === "directory" ? `${path}/` : path))));
  expect(packed).toHaveLength(entries.length);
});

test("a file of the build is not replaced by what is said about it", async () => {
  await using shop = await openWorkshop();
  const client = openClient();
  const solved = solvedOf(targetOf(await shop.layer(SCRATCH, { "provenance.json": "mine" })));
  const request = { attestations: { provenance: "min", sbom: false } as const };
  expect(await failure(shop.export(solved, [files("local")], { ...client, request }))).toBe(
    "provenance.json is a file of the build, too: choose another attestation-prefix",
  );
  await shop.export(solved, [files("local", { "attestation-prefix": "about-" })], { ...client, request });
  expect(Object.keys(client.directories["0"]!.contents)).toEqual(["about-provenance.json", "provenance.json"]);
});

test("a name that is no text is refused where it must be one, and goes into an archive as it is", async () => {
  await using shop = await openWorkshop();
  const client = openClient();
  const tree = await shop.layers.fill(SCRATCH, { epochSeconds: 1, hold: () => {}, signal: never }, async (root) =>
    writeFileSync(Buffer.concat([Buffer.from(`${root}/`), Buffer.from([0xff, 0x41])]), "x"),
  );
  expect(await failure(shop.export(solvedOf(targetOf(tree)), [files("local")], client))).toContain("is not UTF-8");
  await shop.export(solvedOf(targetOf(tree)), [files("tar")], client);
  expect(client.archives["0"]?.includes(Buffer.from([0xff, 0x41]))).toBe(true);
});

test("a link leads nowhere but into the result", async () => {
  await using shop = await openWorkshop();
  const tree = await shop.layers.fill(SCRATCH, { epochSeconds: 1, hold: () => {}, signal: never }, async (root) =>
    symlinkSync("/etc/passwd", `${root}/out`),
  );
  const client = openClient();
  const session = {
    ...client.session,
    sendDirectory: async (_: string, directory: { read(path: string): AsyncIterable<Uint8Array> }) => {
      for await (const bytes of directory.read("out")) throw new Error(`read ${Buffer.from(bytes).toString()}`);
    },
  };
  const message = await failure(shop.export(solvedOf(targetOf(tree)), [files("local")], { session }));
  expect(message).toBe("no such file: /out");
});
