import { afterEach, beforeEach, expect, test } from "bun:test";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { encodeEnd, encodeEntry, type PackEntry, packFile } from "../../formats/tar/packer.ts";
import { packLocal } from "./pack-local.ts";
import { type UnpackLocal, unpackLocal } from "./unpack-local.ts";

let top: string;
let destination: string;
beforeEach(() => {
  top = mkdtempSync(join(tmpdir(), "gantry-cp-"));
  destination = join(top, "dest");
  mkdirSync(destination);
});
afterEach(() => rmSync(top, { recursive: true }));

type Member = Partial<PackEntry> & { name: string; content?: string };

function member({ content, ...entry }: Member): Buffer {
  if (content !== undefined) return packFile({ mode: 0o644, ...entry }, Buffer.from(content));
  return encodeEntry({ type: "file", mode: 0o755, sizeBytes: 0, ...entry });
}

async function unpack(members: Member[], where: Partial<UnpackLocal> = {}): Promise<string[]> {
  async function* archive() {
    for (const one of members) yield member(one);
    yield encodeEnd();
  }
  return unpackLocal(archive(), { directory: destination, base: "d", name: "d", ...where });
}

const failure = (job: Promise<unknown>) =>
  job.then(
    () => "it went well",
    (error: Error) => error.message,
  );

const openDescriptors = () => readdirSync("/proc/self/fd").length;

test("a tree keeps modes, times and links, and read-only directories can be filled", async () => {
  const modifiedAt = { seconds: 1_000_000_000n, nanoseconds: 0 };
  await unpack([
    { name: "d/", type: "directory", mode: 0o500, modifiedAt },
    { name: "d/f", content: "text", mode: 0o640, modifiedAt },
    { name: "d/l", type: "symlink", linkName: "../d/f" },
    { name: "d/h", type: "hardlink", linkName: "d/f" },
  ]);
  const path = (name: string) => join(destination, "d", name);
  expect(readFileSync(path("f"), "utf8")).toBe("text");
  expect(statSync(path("f")).mode & 0o7777).toBe(0o640);
  expect(statSync(path("f")).mtimeMs).toBe(1e12);
  expect(statSync(path("h")).ino).toBe(statSync(path("f")).ino);
  expect(readlinkSync(path("l"))).toBe("../d/f");
  expect([statSync(path("")).mode & 0o777, statSync(path("")).mtimeMs]).toEqual([0o500, 1e12]);
});

test("names are changed at their first component only", async () => {
  await unpack(
    [
      { name: "d/", type: "directory" },
      { name: "d/d", content: "x" },
    ],
    { name: "new" },
  );
  expect(readdirSync(join(destination, "new"))).toEqual(["d"]);
  await unpack(
    [
      { name: "./", type: "directory" },
      { name: "./e", content: "x" },
    ],
    { base: ".", name: "." },
  );
  expect(readdirSync(destination).sort()).toEqual(["e", "new"]);
});

test("a file replaces a file or a link, never what the link points to", async () => {
  await Bun.write(join(top, "outside"), "safe");
  symlinkSync(join(top, "outside"), join(destination, "d"));
  await unpack([{ name: "d", content: "new" }]);
  expect(readFileSync(join(top, "outside"), "utf8")).toBe("safe");
  expect(readFileSync(join(destination, "d"), "utf8")).toBe("new");
});

test.each<[string, Member[], string]>([
  ["climbs", [{ name: "d/../../outside", content: "x" }], "climbs out"],
  ["climbs at once", [{ name: "../outside", content: "x" }], "climbs out"],
  ["is another file's", [{ name: ".bashrc", content: "x" }], "was not asked for"],
  [
    "goes through a link of the archive",
    [
      { name: "d/", type: "directory" },
      { name: "d/l", type: "symlink", linkName: "/" },
      { name: "d/l/outside", content: "x" },
    ],
    "refusing to write through it",
  ],
  [
    "links out",
    [
      { name: "d/", type: "directory" },
      { name: "d/l", type: "symlink", linkName: "../../x" },
    ],
    "invalid symlink",
  ],
  ["links hard to the outside", [{ name: "d/h", type: "hardlink", linkName: "d/../../outside" }], "climbs out"],
  [
    "links hard through a link",
    [
      { name: "d/", type: "directory" },
      { name: "d/l", type: "symlink", linkName: "/etc" },
      { name: "d/h", type: "hardlink", linkName: "d/l/passwd" },
    ],
    "refusing to write through it",
  ],
  ["is a directory where a file is", [{ name: "d/f/", type: "directory" }], "cannot overwrite non-directory"],
])("an entry that %s is refused, and nothing outside is written", async (_what, members, message) => {
  mkdirSync(join(destination, "d"));
  await Bun.write(join(destination, "d/f"), "kept");
  const before = openDescriptors();
  expect(await failure(unpack(members))).toContain(message);
  expect(openDescriptors()).toBe(before);
  expect(existsSync(join(top, "outside"))).toBe(false);
  expect(readdirSync(top)).toEqual(["dest"]);
});

test("a directory of the user's that is a link is not written through", async () => {
  mkdirSync(join(top, "elsewhere"));
  symlinkSync(join(top, "elsewhere"), join(destination, "d"));
  expect(await failure(unpack([{ name: "d/f", content: "x" }]))).toContain("refusing to write through it");
  expect(readdirSync(join(top, "elsewhere"))).toEqual([]);
});

test("devices and pipes are told of and left out", async () => {
  const members: Member[] = [
    { name: "d/", type: "directory" },
    { name: "d/null", type: "character", deviceMajor: 1, deviceMinor: 3 },
    { name: "d/p", type: "fifo" },
    { name: "d/f", content: "x" },
  ];
  expect(await unpack(members)).toEqual(["d/null", "d/p"]);
  expect(readdirSync(join(destination, "d"))).toEqual(["f"]);
});

test("an archive that stops in the middle is an error", async () => {
  const whole = packFile({ name: "d", mode: 0o644 }, Buffer.alloc(5000));
  async function* cut() {
    yield whole.subarray(0, 2000);
  }
  expect(await failure(unpackLocal(cut(), { directory: destination, base: "d", name: "d" }))).toContain(
    "unexpected end",
  );
});

test("what is packed here is unpacked here as it was, holes and odd names included", async () => {
  const source = join(top, "source");
  mkdirSync(join(source, "sub"), { recursive: true });
  await Bun.write(join(source, "sub", "é ☃"), "snow");
  await Bun.write(join(source, "n".repeat(200)), "long");
  symlinkSync("sub", join(source, "link"));
  const descriptors = openDescriptors();
  await unpackLocal(packLocal(source, "copy"), { directory: destination, base: "copy", name: "copy" });
  const copy = join(destination, "copy");
  const all = (path: string) => readdirSync(path, { recursive: true }).map(String).toSorted();
  expect(all(copy)).toEqual(all(source));
  expect(readFileSync(join(copy, "sub", "é ☃"), "utf8")).toBe("snow");
  expect(statSync(join(copy, "sub")).mtimeMs).toBeCloseTo(statSync(join(source, "sub")).mtimeMs, -1);
  expect(openDescriptors()).toBe(descriptors);
});
