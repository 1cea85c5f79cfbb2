import { expect, test } from "bun:test";
import {
  EntryPacker,
  EntryReader,
  PIECE_HEADER_BYTES,
  readPieces,
  WALK,
  type WalkEntry,
  WantPacker,
  WantReader,
  writePieceHeader,
} from "./build-walk.ts";

function entry(path: string, more: Partial<WalkEntry> = {}): WalkEntry {
  return {
    path,
    type: "file",
    mode: 0o644,
    sizeBytes: 0,
    modifiedSeconds: 1_700_000_000,
    modifiedNanoseconds: 0,
    linkName: "",
    deviceMajor: 0,
    deviceMinor: 0,
    ...more,
  };
}

function pack(entries: readonly WalkEntry[]): Uint8Array[] {
  const packer = new EntryPacker();
  const messages = entries.map((one) => packer.add(one)).filter((message) => message !== undefined);
  const last = packer.flush();
  return last === undefined ? messages : [...messages, last];
}

function read(messages: readonly Uint8Array[]): WalkEntry[] {
  const reader = new EntryReader();
  return messages.flatMap((message) => [...reader.read(message)]);
}

const TREE: WalkEntry[] = [
  entry("a", { type: "directory", mode: 0o755 }),
  entry("a/b", { sizeBytes: 12, modifiedNanoseconds: 999_999_999 }),
  entry("a/link", { type: "symlink", mode: 0o777, linkName: "../../b" }),
  entry("a/other name of b", { sizeBytes: 12, linkName: "a/b" }),
  entry("a.txt", { sizeBytes: 2 ** 40 + 1, modifiedSeconds: -5, modifiedNanoseconds: 1 }),
  entry("dev", { type: "character", mode: 0o666, deviceMajor: 1, deviceMinor: 300 }),
  entry("n".repeat(200), { mode: 0o4755 }),
  entry("pipe", { type: "fifo" }),
  entry("é", { type: "directory", mode: 0o1777 }),
  entry("é/ü ☃"),
  entry("ë"),
  entry("😀"),
];

test("entries come out as they went in", () => {
  expect(read(pack(TREE))).toEqual(TREE);
});

test("fifty thousand files take a few hundred kilobytes, in messages of some kilobytes", () => {
  const entries = Array.from({ length: 500 }, (_, index) => String(index).padStart(3, "0")).flatMap((name) => [
    entry(name, { type: "directory", mode: 0o755 }),
    ...Array.from({ length: 100 }, (_, file) =>
      entry(`${name}/file${String(file).padStart(2, "0")}.txt`, { sizeBytes: 100, modifiedNanoseconds: 123_456_789 }),
    ),
  ]);
  const messages = pack(entries);
  const bytes = messages.reduce((sum, { byteLength }) => sum + byteLength, 0);
  expect(bytes).toBeLessThan(900_000);
  expect(Math.max(...messages.map(({ byteLength }) => byteLength))).toBeLessThan(70_000);
  expect(read(messages)).toEqual(entries);
});

test.each<[string, WalkEntry[], string]>([
  ["out of order", [entry("b"), entry("a")], "not in order"],
  ["twice the same", [entry("a"), entry("a")], "not in order"],
  ["a directory after what it holds", [entry("a/b"), entry("a")], "no directory that was told"],
  ["below a file", [entry("a"), entry("a/b")], "no directory that was told"],
  ["below a link", [entry("a", { type: "symlink", linkName: "/" }), entry("a/b")], "no directory that was told"],
  ["climbing", [entry("..", { type: "directory" }), entry("../x")], "no path in a directory"],
  ["absolute", [entry("/etc")], "no path in a directory"],
  ["empty", [entry("")], "not in order"],
  ["with NUL", [entry("a\0b")], "no path in a directory"],
  ["doubled slash", [entry("a", { type: "directory" }), entry("a//b")], "in no directory that was told"],
  ["with a type in its mode", [entry("a", { mode: 0o100644 })], "no permissions"],
])("a walk that is %s is refused", (_what, entries, message) => {
  expect(() => read(pack(entries))).toThrow(message);
});

test("messages that are cut or changed are refused or read as entries, and nothing else happens", () => {
  const [message = new Uint8Array(0)] = pack(TREE);
  for (let at = 1; at < message.length; at++) {
    const cut = () => read([message.subarray(0, at)]);
    const changed = message.slice();
    changed[at] = ((changed[at] ?? 0) + 129) % 256;
    for (const act of [cut, () => read([changed])]) {
      try {
        for (const { path } of act()) expect(path).not.toMatch(/^\/|(^|\/)\.\.(\/|$)/);
      } catch (error) {
        expect(error).toBeInstanceOf(Error);
        expect((error as Error).message).not.toContain("undefined");
      }
    }
  }
});

test("wanted files are told by index", () => {
  const packer = new WantPacker();
  const wanted = [0, 1, 2, 300, 50_000];
  const reader = new WantReader();
  const messages = wanted.map((index) => {
    packer.add(index);
    return packer.flush();
  });
  expect(messages.flatMap((message) => [...reader.read(message)])).toEqual(wanted);
  expect(messages.reduce((sum, { byteLength }) => sum + byteLength, 0)).toBeLessThan(10);
});

test("pieces of several files share a message", () => {
  const message = new Uint8Array(1 + 3 * PIECE_HEADER_BYTES + 5);
  message[0] = WALK.pieces;
  let at = writePieceHeader(message, 1, { index: 7, bytes: 3, last: false });
  message.set([1, 2, 3], at);
  at = writePieceHeader(message, at + 3, { index: 7, bytes: 2, last: true });
  message.set([4, 5], at);
  writePieceHeader(message, at + 2, { index: 9, bytes: 0, last: true });
  expect([...readPieces(message)].map(({ index, bytes, last }) => [index, [...bytes], last])).toEqual([
    [7, [1, 2, 3], false],
    [7, [4, 5], true],
    [9, [], true],
  ]);
  expect(() => [...readPieces(message.subarray(0, message.length - 1))]).toThrow("half a piece");
});
