import { expect, test } from "bun:test";
import { type IpamFlags, ipamConfig } from "./ipam-config.ts";
import { parsePrefix, prefixContains } from "./prefix.ts";

const flags = (given: Partial<IpamFlags>): IpamFlags => ({
  subnets: [],
  ranges: [],
  gateways: [],
  auxiliary: {},
  ...given,
});

test("what belongs to a subnet goes with it", () => {
  const config = ipamConfig(
    flags({
      subnets: ["10.1.0.0/16", "fd00::/64"],
      ranges: ["10.1.2.0/24"],
      gateways: ["fd00::1", "10.1.0.1"],
      auxiliary: { host: "10.1.0.5" },
    }),
  );
  expect(config).toEqual([
    { Subnet: "10.1.0.0/16", IPRange: "10.1.2.0/24", Gateway: "10.1.0.1", AuxiliaryAddresses: { host: "10.1.0.5" } },
    { Subnet: "fd00::/64", Gateway: "fd00::1" },
  ]);
});

test.each([
  [{ gateways: ["10.1.0.1"] }, "every ip-range or gateway must have a corresponding subnet"],
  [{ subnets: ["10.1.0.0/16"], gateways: ["10.2.0.1"] }, "no matching subnet for gateway 10.2.0.1"],
  [{ subnets: ["10.1.0.0/16"], ranges: ["10.2.0.0/24"] }, "no matching subnet for range 10.2.0.0/24"],
  [{ subnets: ["10.1.0.0/16"], auxiliary: { h: "10.2.0.1" } }, "no matching subnet for aux-address 10.2.0.1"],
  [{ subnets: ["10.1.0.0/16", "10.1.2.0/24"] }, "multiple overlapping subnet configuration is not supported"],
])("%o is refused: %s", (given, message) => {
  expect(() => ipamConfig(flags(given))).toThrow(message);
});

test.each([
  ["fd00::/64", "fd00::1:0:0:1", true],
  ["fd00::/64", "fd01::1", false],
  ["::ffff:10.0.0.0/104", "::ffff:10.9.9.9", true],
  ["0.0.0.0/0", "255.255.255.255", true],
  ["10.0.0.0/8", "fd00::1", false],
])("%s holds %s: %p", (outer, inner, expected) => {
  const [a, b] = [parsePrefix(outer), parsePrefix(inner)];
  if (a === undefined || b === undefined) throw new Error("both are prefixes");
  expect(prefixContains(a, b)).toBe(expected);
});

test.each(["10.0.0", "10.0.0.0/33", "10.0.0.0/", "x/8", "fd00::/129"])("%s is no prefix", (text) => {
  expect(parsePrefix(text)).toBeUndefined();
});
