import { expect, test } from "bun:test";
import { AddressPool } from "./address-pool.ts";
import { formatIpv4, parseCidr } from "./ipv4.ts";

function pool(cidr: string, range = cidr): AddressPool {
  const { subnet } = parseCidr(cidr);
  return new AddressPool(subnet, parseCidr(range).subnet, subnet.network + 1);
}

function take(from: AddressPool, count: number): string[] {
  return Array.from({ length: count }, () => formatIpv4(from.take()));
}

test("addresses come in order, after the gateway", () =>
  expect(take(pool("172.17.0.0/16"), 3)).toEqual(["172.17.0.2", "172.17.0.3", "172.17.0.4"]));

test("a freed address is the last to come again", () => {
  const addresses = pool("10.0.0.0/29");
  take(addresses, 2);
  addresses.release(parseCidr("10.0.0.2/29").address);
  expect(take(addresses, 4)).toEqual(["10.0.0.4", "10.0.0.5", "10.0.0.6", "10.0.0.2"]);
});

test("an exhausted pool says so, and works again after a release", () => {
  const addresses = pool("10.0.0.0/29");
  take(addresses, 5);
  expect(() => addresses.take()).toThrow("no available IPv4 addresses on this network's address pools");
  addresses.release(parseCidr("10.0.0.4/29").address);
  expect(take(addresses, 1)).toEqual(["10.0.0.4"]);
});

test("--fixed-cidr limits what is given out", () => {
  const addresses = pool("10.0.0.0/16", "10.0.5.0/30");
  expect(take(addresses, 4)).toEqual(["10.0.5.1", "10.0.5.2", "10.0.5.3", "10.0.5.0"]);
  expect(() => addresses.take()).toThrow("no available");
});

test("claim() refuses strangers and doubles", () => {
  const addresses = pool("10.0.0.0/24");
  addresses.claim(parseCidr("10.0.0.2/24").address);
  expect(() => addresses.claim(parseCidr("10.0.0.2/24").address)).toThrow("Address already in use");
  expect(() => addresses.claim(parseCidr("10.0.1.2/24").address)).toThrow("not in the network's subnet");
  expect(take(addresses, 1)).toEqual(["10.0.0.3"]);
});
