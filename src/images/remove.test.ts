import { expect, test } from "bun:test";
import type { Digest } from "../formats/oci/digest.ts";
import { familiarReference, parseReference } from "../formats/reference/reference.ts";
import { planRemoval } from "./remove.ts";

const id = `sha256:${"d".repeat(64)}` as Digest;
const digest = `sha256:${"e".repeat(64)}`;
const running = { id: "a".repeat(64), running: true };
const stopped = { id: "b".repeat(64), running: false };

function check(
  asked: string | undefined,
  names: string[],
  users: { id: string; running: boolean }[],
  force: boolean,
  hasChildren = false,
): string {
  try {
    const { untag, deleteImage } = planRemoval({
      id,
      asked: asked === undefined ? undefined : parseReference(asked),
      askedText: asked ?? "",
      references: names.map(parseReference),
      users,
      hasChildren,
      force,
    });
    return [...untag.map(familiarReference), ...(deleteImage ? ["deleted"] : [])].join(" ");
  } catch (error) {
    return (error as Error).message;
  }
}

const inUse =
  'conflict: unable to remove repository reference "x:1" (must force) - container aaaaaaaaaaaa is using its referenced image dddddddddddd';

test.each<[string, string | undefined, string[], { id: string; running: boolean }[], boolean, string]>([
  ["the only name", "x:1", ["x:1"], [], false, "x:1 deleted"],
  ["one of two names", "x:1", ["x:1", "y:1"], [], false, "x:1"],
  ["one of two names of an image in use", "x:1", ["x:1", "y:1"], [running], false, "x:1"],
  ["the only name of an image in use", "x:1", ["x:1"], [running], false, inUse],
  ["the same by force: the name goes, the image stays", "x:1", ["x:1"], [running], true, "x:1"],
  ["the only name, a stopped container, by force", "x:1", ["x:1"], [stopped], true, "x:1 deleted"],
  [
    "the last tag takes its repository's digests with it",
    "x:1",
    ["x:1", `x@${digest}`],
    [],
    false,
    `x:1 x@${digest} deleted`,
  ],
  ["another tag keeps them", "x:1", ["x:1", "x:2", `x@${digest}`], [], false, "x:1"],
  ["an ID with one name", undefined, ["x:1"], [], false, "x:1 deleted"],
  [
    "an ID with two names",
    undefined,
    ["x:1", "y:1"],
    [],
    false,
    "conflict: unable to delete dddddddddddd (must be forced) - image is referenced in multiple repositories",
  ],
  ["the same by force", undefined, ["x:1", "y:1"], [], true, "x:1 y:1 deleted"],
  [
    "an ID in use, even by force",
    undefined,
    ["x:1"],
    [running],
    true,
    "conflict: unable to delete dddddddddddd (cannot be forced) - image is being used by running container aaaaaaaaaaaa",
  ],
  [
    "an ID with a stopped container",
    undefined,
    [],
    [stopped],
    false,
    "conflict: unable to delete dddddddddddd (must be forced) - image is being used by stopped container bbbbbbbbbbbb",
  ],
])("remove %s", (_name, asked, names, users, force, expected) => {
  expect(check(asked, names, users, force)).toBe(expected);
});

test("an image of which others were made loses its name and stays, whatever is forced", () => {
  expect(check("x:1", ["x:1"], [], false, true)).toBe("x:1");
  expect(check("x:1", ["x:1"], [], true, true)).toBe("x:1");
  expect(check(undefined, ["x:1"], [], true, true)).toBe(
    "conflict: unable to delete dddddddddddd (cannot be forced) - image has dependent child images",
  );
});
