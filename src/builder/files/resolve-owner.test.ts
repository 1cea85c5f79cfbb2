import { expect, test } from "bun:test";
import { resolveOwner } from "./resolve-owner.ts";

const FILES = {
  passwd: Buffer.from("root:x:0:0::/:\nweb:x:33:34::/:\n1000:x:5:6::/:\n"),
  group: Buffer.from("root:x:0:\nstaff:x:50:\n"),
};

test.each([
  ["web", undefined, "33:34"],
  ["web", "staff", "33:50"],
  ["web", "7", "33:7"],
  ["1000", undefined, "1000:1000"],
  ["1000", "staff", "1000:50"],
  ["0", "0", "0:0"],
])("--chown=%s:%s is %s", (user, group, expected) => {
  const { uid, gid } = resolveOwner({ user, group }, () => FILES);
  expect(`${uid}:${gid}`).toBe(expected);
});

test.each([
  ["nobody", undefined, "unable to find user nobody: no matching entries in passwd file"],
  ["web", "none", "unable to find group none: no matching entries in group file"],
  ["", "staff", "invalid chown string: a user is missing"],
  ["4294967296", undefined, "uids and gids must be in range 0-2147483647"],
])("--chown=%s:%s is refused", (user, group, message) => {
  expect(() => resolveOwner({ user, group }, () => FILES)).toThrow(message);
});

test("numbers need no files", () => {
  const refuse = () => {
    throw new Error("read");
  };
  expect(resolveOwner({ user: "12", group: "13" }, refuse)).toEqual({ uid: 12, gid: 13 });
});
