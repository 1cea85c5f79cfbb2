import { expect, test } from "bun:test";
import { isLinkLocal } from "./public-address.ts";

test.each([
  ["169.254.169.254", true],
  ["169.254.1.1", true],
  ["::ffff:169.254.169.254", true],
  ["::ffff:a9fe:a9fe", true],
  ["[fe80::1]", true],
  ["febf::1", true],
  ["fd00:ec2::254", true],
  ["100.100.100.200", true],
  ["127.0.0.1", false],
  ["10.0.0.1", false],
  ["::1", false],
  ["fec0::1", false],
  ["1.169.254.1", false],
])("%s is link-local: %p", (address, expected) => {
  expect(isLinkLocal(address)).toBe(expected);
});
