import { describe, expect, test } from "bun:test";
import { type ResolvConfRequest, renderResolvConf, usesResolvedStub, validateDns } from "./resolv-conf.ts";

const NOTHING_ASKED: Omit<ResolvConfRequest, "hostResolvConf"> = {
  dns: [],
  search: [],
  options: [],
  hostNetwork: false,
};

function check(hostResolvConf: string, asked: Partial<ResolvConfRequest>, expected: string) {
  expect(renderResolvConf({ ...NOTHING_ASKED, hostResolvConf, ...asked }).text).toBe(expected);
}

describe("renderResolvConf", () => {
  test("keeps the host's servers, search and options", () =>
    check(
      "# x\nnameserver 10.0.0.1 # y\nsearch a b\noptions ndots:2\n",
      {},
      "nameserver 10.0.0.1\nsearch a b\noptions ndots:2\n",
    ));
  test("drops servers on the host's loopback and of IPv6", () =>
    check("nameserver 127.0.0.53\nnameserver ::1\nnameserver 10.0.0.1\n", {}, "nameserver 10.0.0.1\n"));
  test("falls back and says so when none is left", () => {
    const { text, warnings } = renderResolvConf({ ...NOTHING_ASKED, hostResolvConf: "nameserver 127.0.0.1\n" });
    expect(text).toBe("nameserver 8.8.8.8\nnameserver 8.8.4.4\n");
    expect(warnings).toHaveLength(1);
  });
  test("replaces what was asked for", () =>
    check("nameserver 10.0.0.1\nsearch a\n", { dns: ["9.9.9.9"] }, "nameserver 9.9.9.9\nsearch a\n"));
  test("a dot asks for no search domain", () =>
    expect(
      renderResolvConf({ ...NOTHING_ASKED, hostResolvConf: "nameserver 10.0.0.1\nsearch a\n", search: ["."] }).text,
    ).toBe("nameserver 10.0.0.1\n"));
  test("copies the host's file for the host's network", () =>
    check("nameserver 127.0.0.53\n", { hostNetwork: true }, "nameserver 127.0.0.53\n"));
});

test("usesResolvedStub() knows systemd's stub", () => {
  expect(usesResolvedStub("nameserver 127.0.0.53\n")).toBe(true);
  expect(usesResolvedStub("nameserver 127.0.0.53\nnameserver 1.1.1.1\n")).toBe(false);
});

test("validateDns() refuses what would write another line", () => {
  expect(() => validateDns(["dns.example"], [], [])).toThrow("bad IP address for DNS: dns.example");
  expect(() => validateDns([], ["a\nnameserver 6.6.6.6"], [])).toThrow("is not a valid domain");
  expect(() => validateDns(["1.1.1.1", "::1"], ["lan"], ["ndots:1"])).not.toThrow();
});
