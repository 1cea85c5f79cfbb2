import { afterAll, expect, test } from "bun:test";
import { lstatSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TarEntry } from "../../../formats/tar/entry.ts";
import { EEXIST, ENOENT } from "../../../kernel/errno.ts";
import { outcomeErrno, outcomeError } from "../../../kernel/make-files.ts";
import { BATCH_BYTES, FileBatch, MAX_BATCH_FILES, MAX_SMALL_FILE_BYTES } from "./file-batch.ts";

const root = mkdtempSync(join(tmpdir(), "gantry-file-batch-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** Two of them in one memory, as in use. */
const memory = new SharedArrayBuffer(2 * BATCH_BYTES + 8);
const createBatch = () => {
  const batch = new FileBatch(memory, BATCH_BYTES + 8);
  batch.clear();
  return batch;
};

const entry = (sizeBytes: number, fields: Partial<TarEntry> = {}): TarEntry => ({
  type: "file",
  name: Buffer.alloc(0),
  linkName: Buffer.alloc(0),
  mode: 0o600,
  uid: 0,
  gid: 0,
  sizeBytes,
  modifiedAt: { seconds: 1n, nanoseconds: 2 },
  deviceMajor: 0,
  deviceMinor: 0,
  xattrs: [],
  ...fields,
});

function add(batch: FileBatch, path: string, text: string, fields: Partial<TarEntry> = {}): boolean {
  if (!batch.begin(Buffer.from(path), entry(text.length, fields))) return false;
  for (const piece of text.match(/.{1,7}/gs) ?? []) batch.append(Buffer.from(piece));
  batch.commit();
  return true;
}

test("files of a batch have their content, mode and times, whichever thread reads it", () => {
  const batch = createBatch();
  const directory = mkdtempSync(join(root, "made-"));
  const accessedAt = { seconds: 1_000_000_000n, nanoseconds: 999_999_999 };
  expect(add(batch, join(directory, "empty"), "")).toBe(true);
  expect(add(batch, join(directory, "odd"), "content in pieces", { mode: 0o440, accessedAt })).toBe(true);
  const early = { seconds: -3n, nanoseconds: 500 };
  expect(add(batch, join(directory, "long"), "x".repeat(MAX_SMALL_FILE_BYTES), { modifiedAt: early })).toBe(true);
  new FileBatch(memory, BATCH_BYTES + 8).makeFiles();
  expect([...batch.failures()]).toEqual([]);
  const look = (name: string) => {
    const { mode, atimeNs, mtimeNs } = lstatSync(join(directory, name), { bigint: true });
    return [mode & 0o7777n, atimeNs, mtimeNs];
  };
  expect(look("empty")).toEqual([0o600n, 1_000_000_002n, 1_000_000_002n]);
  expect(look("odd")).toEqual([0o440n, 1_000_000_000_999_999_999n, 1_000_000_002n]);
  expect(look("long")).toEqual([0o600n, -2_999_999_500n, -2_999_999_500n]);
  expect(readFileSync(join(directory, "odd"), "utf8")).toBe("content in pieces");
  expect(readFileSync(join(directory, "long")).length).toBe(MAX_SMALL_FILE_BYTES);
});

test("what exists is left alone and told in order; it can be tried again", () => {
  const batch = createBatch();
  const directory = mkdtempSync(join(root, "exists-"));
  for (const name of ["a", "c"]) writeFileSync(join(directory, name), "old");
  for (const name of ["a", "b", "c"]) add(batch, join(directory, name), "new");
  batch.makeFiles();
  const failures = [...batch.failures()];
  expect(failures.map(({ path, outcome }) => [path.toString(), outcomeErrno(outcome)])).toEqual([
    [join(directory, "a"), EEXIST],
    [join(directory, "c"), EEXIST],
  ]);
  expect(["a", "b", "c"].map((name) => readFileSync(join(directory, name), "utf8"))).toEqual(["old", "new", "old"]);
  expect(outcomeErrno(failures[0]?.retry() ?? 0)).toBe(EEXIST);
  rmSync(join(directory, "a"));
  expect(failures[0]?.retry()).toBe(0);
  expect(readFileSync(join(directory, "a"), "utf8")).toBe("new");
});

test("any other failure is the last of a batch, and says which call failed", () => {
  const batch = createBatch();
  const directory = mkdtempSync(join(root, "fails-"));
  for (const name of ["a", "none/b", "c"]) add(batch, join(directory, name), "x");
  batch.makeFiles();
  const [failure, ...others] = [...batch.failures()];
  expect(others).toEqual([]);
  expect(outcomeErrno(failure?.outcome ?? 0)).toBe(ENOENT);
  expect(outcomeError(failure?.outcome ?? 0, "/none/b").message).toBe("openat /none/b: ENOENT");
  expect(readdirSync(directory)).toEqual(["a"]);
});

test("a file that was begun and not committed is not made", () => {
  const batch = createBatch();
  const directory = mkdtempSync(join(root, "begun-"));
  add(batch, join(directory, "a"), "x");
  expect(batch.begin(Buffer.from(join(directory, "b")), entry(1))).toBe(true);
  batch.makeFiles();
  expect([batch.files, readdirSync(directory)]).toEqual([1, ["a"]]);
});

test("a batch takes so many files, so many bytes, and no more; a cleared one takes as many again", () => {
  const batch = createBatch();
  for (const round of [1, 2]) {
    for (let count = 0; count < MAX_BATCH_FILES; count++) expect(add(batch, `/${round}`, "")).toBe(true);
    expect(add(batch, "/one-more", "")).toBe(false);
    batch.clear();
  }
  let files = 0;
  while (add(batch, "/x", "x".repeat(MAX_SMALL_FILE_BYTES))) files++;
  expect(files).toBe(BATCH_BYTES / MAX_SMALL_FILE_BYTES - 1);
  batch.clear();
  // The longest path and the largest file fit into an empty one.
  expect(batch.begin(Buffer.alloc(4096, "p"), entry(MAX_SMALL_FILE_BYTES))).toBe(true);
  expect(new Uint8Array(memory, 0, BATCH_BYTES + 8).every((byte) => byte === 0)).toBe(true);
});
