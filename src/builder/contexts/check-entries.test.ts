import { expect, test } from "bun:test";
import { messageOf } from "../../base/errors.ts";
import type { RemoteEntry } from "../session.ts";
import { CONTEXT_LIMITS, EntryCheck } from "./check-entries.ts";

/** `d/` a directory, `a` a file, `l>x` a link, `h=a` a further name. */
function entryOf(text: string): RemoteEntry {
  const [, path = "", kind = "", link = ""] = /^([^>=]*?)(\/$|>|=|$)(.*)$/s.exec(text) ?? [];
  const type = kind === "/" ? "directory" : kind === ">" ? "symlink" : "file";
  const zeros = { mode: 0o644, uid: 0, gid: 0, modifiedNs: 0n, deviceMajor: 0, deviceMinor: 0 };
  return { ...zeros, path, type, linkName: link, sizeBytes: 10, xattrs: new Map() };
}

function check(texts: string[], limits = CONTEXT_LIMITS): string {
  const checking = new EntryCheck(limits);
  try {
    for (const text of texts) checking.next(entryOf(text));
    return "good";
  } catch (error) {
    return messageOf(error);
  }
}

test.each([[["a", "b/", "b/c", "b/d/", "b/d/e", "b.txt", "c"]], [["d/", "d/a", "h=d/a"]], [["l>../../../etc/passwd"]]])(
  "%p is a walk",
  (texts) => {
    expect(check(texts)).toBe("good");
  },
);

const invalidPath = (path: string, why: string) => `build context: invalid path ${JSON.stringify(path)}: ${why}`;

test.each([
  [["../x"], invalidPath("../x", "not a name below the context")],
  [["/etc/passwd"], invalidPath("/etc/passwd", "not a name below the context")],
  [["a/", "a/../../x"], invalidPath("a/../../x", "not a name below the context")],
  [["a/", "a/./b"], invalidPath("a/./b", "not a name below the context")],
  [[""], invalidPath("", "not a name below the context")],
  [["a\0b"], invalidPath("a\0b", "not a name below the context")],
  [["b", "a"], invalidPath("a", "out of order")],
  [["a", "a"], invalidPath("a", "out of order")],
  [["d/", "d-x", "d/y"], invalidPath("d/y", "out of order")],
  [["d/x"], invalidPath("d/x", "its directory was not told")],
  [["a>/etc", "a/passwd"], invalidPath("a/passwd", "its directory was not told")],
  [["a", "a/b"], invalidPath("a/b", "its directory was not told")],
  [["h=later", "later"], invalidPath("h", "another name of a file that was not told before")],
  [["d/", "h=d"], invalidPath("h", "another name of a file that was not told before")],
  [["l>"], invalidPath("l", "a link to nothing")],
  [["n".repeat(256)], invalidPath("n".repeat(200), "too long")],
])("%p is refused", (texts, message) => {
  expect(check(texts)).toBe(message);
});

test.each([
  [0, 0, "device 0:0"],
  [1, 3, ""],
  [0, 1, ""],
])("a character device %p:%p is a file, but for the one that means a removed file", (deviceMajor, deviceMinor, why) => {
  const checking = new EntryCheck(CONTEXT_LIMITS);
  const next = () => checking.next({ ...entryOf("n"), type: "character", deviceMajor, deviceMinor });
  if (why === "") next();
  else expect(next).toThrow(why);
});

test("there are limits", () => {
  expect(check(["a", "b", "c"], { entries: 2, bytes: 1000 })).toBe("build context: more than 2 files");
  expect(check(["a", "b", "c"], { entries: 9, bytes: 25 })).toBe("build context: larger than 25 bytes");
});
