import { describe, expect, test } from "bun:test";
import { MAX_USER_FILE_BYTES, resolveUser } from "./users.ts";

const passwd = Buffer.from(
  "root:x:0:0:root:/root:/bin/sh\n# comment\n1000:x:0:0:trap:/root:/bin/sh\nnode:x:1001:1002:Node:/home/node:/bin/sh\n" +
    "hex:x:0x0:0::/:\nbig:x:4294967296:0::/:\nempty:x:::::\nshort:x:7\n",
);
const group = Buffer.from("root:x:0:\nwheel:x:10:root,node\naudio:x:29:node\n77:x:0:\nbad:x:abc:node\n");

function check(spec: string, expected: string, groupAdd: string[] = []): void {
  let got: string;
  try {
    const user = resolveUser(spec, { passwd, group }, groupAdd);
    got = `${user.uid}:${user.gid} [${user.groups.join(" ")}] ${user.home}`;
  } catch (error) {
    got = (error as Error).message;
  }
  expect(got).toBe(expected);
}

describe("resolveUser()", () => {
  test("takes gid, groups and home from the image's files", () => {
    check("", "0:0 [0 10] /root");
    check("root", "0:0 [0 10] /root");
    check("node", "1001:1002 [1002 10 29] /home/node");
    check("1001", "1001:1002 [1002 10 29] /home/node");
    check("5000", "5000:0 [0] /");
  });

  test("takes a named or numeric group, which replaces the user's groups", () => {
    check("node:audio", "1001:29 [29] /home/node");
    check("node:4", "1001:4 [4] /home/node");
    check("5:6", "5:6 [6] /");
    check("node:", "1001:1002 [1002 10 29] /home/node");
    check("node:nope", "unable to find group nope: no matching entries in group file");
  });

  test("adds --group-add, by name or number, once", () => {
    check("node", "1001:1002 [1002 10 29 7] /home/node", ["audio", "7", "10"]);
    check("node", "Unable to find group nope: no matching entries in group file", ["nope"]);
  });

  test("attack 19: no spelling of a number runs as root unless it says 0", () => {
    const range = "uids and gids must be in range 0-2147483647";
    check("1000", "1000:0 [0] /");
    check("0x0", "unable to find user 0x0: no matching entries in passwd file");
    check("4294967296", range);
    check("2147483648", range);
    check("-1", range);
    check("99999999999999999999999", range);
    check(" 1000", "unable to find user  1000: no matching entries in passwd file");
    check("+1", "unable to find user +1: no matching entries in passwd file");
    check("1e3", "unable to find user 1e3: no matching entries in passwd file");
    check("1:4294967296", range);
    check("1:77", "1:77 [77] /");
    check("hex", "unable to find user hex: no matching entries in passwd file");
    check("big", "unable to find user big: no matching entries in passwd file");
    check("empty", "unable to find user empty: no matching entries in passwd file");
    check("short", "unable to find user short: no matching entries in passwd file");
  });

  test("attack 20: a huge file is refused, a long line is read in linear time", () => {
    const huge = new Uint8Array(MAX_USER_FILE_BYTES + 1);
    expect(() => resolveUser("x", { passwd: huge, group })).toThrow("passwd file is larger than");
    const long = Buffer.from(`wide:x:5:${"a,".repeat(2_000_000)}node\n`);
    expect(resolveUser("node", { passwd, group: long }).groups).toEqual([1002, 5]);
  });
});
