import { expect, test } from "bun:test";
import { parseInsecureRegistries } from "./insecure-registries.ts";

test.each<[string[], string, string[], boolean]>([
  [[], "registry.example", [], false],
  [[], "localhost:5000", [], true],
  [[], "127.8.9.1:5000", [], true],
  [[], "[::1]:5000", [], true],
  [[], "127.0.0.1.example", [], false],
  [["registry.example"], "registry.example:5000", [], true],
  [["registry.example:5000"], "registry.example:5000", [], true],
  [["registry.example:5000"], "registry.example", [], false],
  [["10.0.0.0/8"], "10.200.1.2:5000", [], true],
  [["10.0.0.0/9"], "10.200.1.2:5000", [], false],
  [["10.0.0.0/8"], "registry.example", ["10.1.1.1"], true],
  [["10.0.0.0/8"], "registry.example", ["11.1.1.1"], false],
  [["fd00::/8"], "registry.example", ["fd12::1"], true],
  [["fd00::/8"], "[fe80::1]:80", [], false],
  [["0.0.0.0/0"], "registry.example", ["::ffff:1.2.3.4"], true],
  [["::/0"], "registry.example", ["1.2.3.4"], false],
])("insecure %j: %s at %j is %p", async (entries, host, addresses, expected) => {
  expect(await parseInsecureRegistries(entries).includes(host, async () => addresses)).toBe(expected);
});

test("an entry that names nothing is refused", () => {
  expect(() => parseInsecureRegistries(["http://registry.example"])).toThrow("is not valid");
});
