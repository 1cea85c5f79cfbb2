import { expect, test } from "bun:test";
import { findPropagation } from "./mount-table.ts";

const TABLE = [
  "1 0 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw",
  "2 1 8:2 / /data rw - ext4 /dev/sdb1 rw",
  "3 2 8:3 / /data/in\\040out rw master:7 - ext4 /dev/sdc1 rw",
  "4 1 8:4 / /twice rw - tmpfs tmpfs rw",
  "5 4 8:5 / /twice rw shared:9 master:3 - tmpfs tmpfs rw",
  "",
].join("\n");

test.each([
  ["/etc", "/ shared"],
  ["/", "/ shared"],
  ["/data", "/data"],
  ["/database", "/ shared"],
  ["/data/x/y", "/data"],
  ["/data/in out/x", "/data/in out slave"],
  ["/twice/x", "/twice shared slave"],
])("%s is on %s", (path, expected) => {
  const { mountPoint, shared, slave } = findPropagation(TABLE, path);
  expect([mountPoint, shared ? "shared" : "", slave ? "slave" : ""].filter(Boolean).join(" ")).toBe(expected);
});
