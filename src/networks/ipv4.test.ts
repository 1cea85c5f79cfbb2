import { expect, test } from "bun:test";
import { broadcastOf, formatIpv4, formatSubnet, overlaps, parseCidr, parseIpv4 } from "./ipv4.ts";

test.each(["0.0.0.0", "172.17.0.2", "255.255.255.255"])("%s survives parsing and formatting", (text) =>
  expect(formatIpv4(parseIpv4(text) ?? -1)).toBe(text),
);

test.each(["", "1.2.3", "1.2.3.4.5", "256.1.1.1", "01.2.3.4", "1.2.3.4 ", "::1", "1e1.2.3.4"])(
  "%p is not an address",
  (text) => expect(parseIpv4(text)).toBeUndefined(),
);

test("parseCidr() tells the address from its subnet", () => {
  const { address, subnet } = parseCidr("10.1.2.3/20");
  expect([formatIpv4(address), formatSubnet(subnet), formatIpv4(broadcastOf(subnet))]).toEqual([
    "10.1.2.3",
    "10.1.0.0/20",
    "10.1.15.255",
  ]);
});

test.each(["10.0.0.0", "10.0.0.0/33", "10.0.0.0/x", "10.0.0.0/8/8", "/8"])("%p is not a CIDR", (text) =>
  expect(() => parseCidr(text)).toThrow(`invalid CIDR address: ${text}`),
);

test("overlap is containment either way", () => {
  const [wide, narrow, other] = ["10.0.0.0/8", "10.5.0.0/16", "11.0.0.0/8"].map((text) => parseCidr(text).subnet);
  if (wide === undefined || narrow === undefined || other === undefined) throw new Error("unreachable");
  expect([overlaps(wide, narrow), overlaps(narrow, wide), overlaps(wide, other)]).toEqual([true, true, false]);
});
