import { expect, test } from "bun:test";
import { noteOf, progressText } from "./progress-text.ts";

test.each([
  [{ stream: "Loaded image: a:1\n" }, "Loaded image: a:1\n"],
  [{ status: "Pulling from a" }, "Pulling from a\n"],
  [{ id: "abc", status: "Pull complete", progressDetail: {} }, "abc: Pull complete\n"],
  [{ id: "abc", status: "Loading layer", progressDetail: { current: 5, total: 10 } }, ""],
  [{ aux: { Tag: "latest", Digest: "sha256:1", Size: 5 } }, ""],
  [{ status: "bad \u001b[2J" }, "bad \ufffd[2J\n"],
])("%o is shown as %j", (line, expected) => {
  expect(progressText(line)).toBe(expected);
});

test("of several streams each line says of which", () => {
  expect(progressText({ id: "abc", status: "Pull complete", progressDetail: {} }, "a:1")).toBe(
    "a:1: abc: Pull complete\n",
  );
});

test("a push that was less than the whole index is told", () => {
  const aux = {
    manifestPushedInsteadOfIndex: true,
    originalIndex: { digest: "sha256:1" },
    selectedManifest: { digest: "sha256:2" },
  };
  expect(noteOf({ aux })).toContain("sha256:1 -> sha256:2");
  expect(noteOf({ aux: { contentMissing: true } })).toContain("not all of them are available locally");
  expect(noteOf({ aux: { Tag: "latest" } })).toBe("");
  expect(noteOf({ aux: null })).toBe("");
});
