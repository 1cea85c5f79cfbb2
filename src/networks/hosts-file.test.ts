import { describe, expect, test } from "bun:test";
import { parseExtraHost, renderHosts } from "./hosts-file.ts";

const PLAIN = { hostname: "web", domainname: "", addresses: ["172.17.0.2"], extraHosts: [] };

describe("renderHosts", () => {
  test("ends with the container's own address", () => {
    expect(renderHosts(PLAIN).split("\n").slice(-3)).toEqual(["ff02::2\tip6-allrouters", "172.17.0.2\tweb", ""]);
  });
  test("puts the qualified name first", () => {
    expect(renderHosts({ ...PLAIN, domainname: "lan" })).toEndWith("172.17.0.2\tweb.lan web\n");
  });
  test("resolves host-gateway and leaves it out where there is no gateway", () => {
    const request = { ...PLAIN, addresses: [], extraHosts: ["gw:host-gateway", "db:10.0.0.9"] };
    expect(renderHosts({ ...request, hostGateway: "172.17.0.1" })).toEndWith("172.17.0.1\tgw\n10.0.0.9\tdb\n");
    expect(renderHosts(request)).not.toContain("gw");
  });
  test("extends the host's file with the host's network", () => {
    expect(renderHosts({ ...PLAIN, addresses: [], base: "1.2.3.4 box\n\n", extraHosts: ["a:1.1.1.1"] })).toBe(
      "1.2.3.4 box\n1.1.1.1\ta\n",
    );
  });
});

describe("parseExtraHost", () => {
  const good: [string, string, string][] = [
    ["db:10.0.0.9", "db", "10.0.0.9"],
    ["db=10.0.0.9", "db", "10.0.0.9"],
    ["db:::1", "db", "::1"],
    ["db:[fd00::1]", "db", "fd00::1"],
    ["gw:host-gateway", "gw", "host-gateway"],
  ];
  test.each(good)("%s", (entry, name, address) => expect(parseExtraHost(entry)).toEqual({ name, address }));
  test.each(["", "db", ":1.2.3.4", "a b:1.2.3.4", "a\nb:1.2.3.4"])("refuses %p", (entry) =>
    expect(() => parseExtraHost(entry)).toThrow(`bad format for add-host: ${JSON.stringify(entry)}`),
  );
  test.each(["db:", "db:1.2.3", "db:1.2.3.4\n6.6.6.6 bank"])("refuses the address of %p", (entry) =>
    expect(() => parseExtraHost(entry)).toThrow("invalid IP address in add-host"),
  );
});
