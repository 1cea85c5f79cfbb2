import { expect, test } from "bun:test";
import { createHosts } from "./hosts.ts";

const NOTHING = { registryMirrors: [], insecureRegistries: [], certsDirs: [] };

async function check(domain: string, config: Partial<typeof NOTHING> | object): Promise<string> {
  const found = await createHosts({ ...NOTHING, ...config }).endpoints(domain, "pull");
  return found
    .map(({ base, isOrigin, tls }) => `${isOrigin ? "" : "mirror "}${base}${tls.insecure ? " unverified" : ""}`)
    .join(", ");
}

test.each<[string, object, string]>([
  ["registry.test", {}, "https://registry.test/v2"],
  ["docker.io", {}, "https://registry-1.docker.io/v2"],
  ["localhost:5000", {}, "https://localhost:5000/v2 unverified, http://localhost:5000/v2 unverified"],
  ["[::1]:5000", {}, "https://[::1]:5000/v2 unverified, http://[::1]:5000/v2 unverified"],
  ["localhost.test:5000", {}, "https://localhost.test:5000/v2"],
  [
    "registry.test:1",
    { insecureRegistries: ["registry.test:1"] },
    "https://registry.test:1/v2 unverified, http://registry.test:1/v2 unverified",
  ],
  ["registry.test:2", { insecureRegistries: ["registry.test:1"] }, "https://registry.test:2/v2"],
  [
    "192.0.2.7:5000",
    { insecureRegistries: ["192.0.2.0/24"] },
    "https://192.0.2.7:5000/v2 unverified, http://192.0.2.7:5000/v2 unverified",
  ],
  ["198.51.100.7", { insecureRegistries: ["192.0.2.0/24"] }, "https://198.51.100.7/v2"],
  [
    "docker.io",
    { registryMirrors: ["https://m.test/", "http://127.0.0.1:5/sub"] },
    "mirror https://m.test/v2, mirror http://127.0.0.1:5/sub/v2 unverified, https://registry-1.docker.io/v2",
  ],
  ["registry.test", { registryMirrors: ["https://m.test/"] }, "https://registry.test/v2"],
])("servers of %s with %j are %s", async (domain, config, expected) => {
  expect(await check(domain, config)).toBe(expected);
});

test.each(["m.test", "ftp://m.test", "https://u:p@m.test", "https://m.test?x", ""])(
  "the mirror %p is refused",
  (mirror) => {
    expect(() => createHosts({ ...NOTHING, registryMirrors: [mirror] })).toThrow(/^invalid mirror: /);
  },
);
