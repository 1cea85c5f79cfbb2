import { expect, test } from "bun:test";
import { formatSubnet, parseCidr } from "./ipv4.ts";
import { choosePool } from "./pool-choice.ts";

const cases: [string[], string][] = [
  [[], "172.17.0.0/16"],
  [["172.17.0.0/16"], "172.18.0.0/16"],
  [["172.17.5.0/24", "172.18.0.1/32", "172.19.0.0/16", "172.20.0.0/15"], "172.22.0.0/16"],
  [["172.16.0.0/12"], "192.168.0.0/20"],
  [["172.16.0.0/12", "192.168.0.0/24"], "192.168.16.0/20"],
];

test.each(cases)("beside %p comes %s", (taken, expected) =>
  expect(formatSubnet(choosePool(taken.map((text) => parseCidr(text).subnet)))).toBe(expected),
);

test("a host that routes everything private has no pool left", () =>
  expect(() => choosePool([parseCidr("172.16.0.0/12").subnet, parseCidr("192.168.0.0/16").subnet])).toThrow(
    "all predefined address pools have been fully subnetted",
  ));
