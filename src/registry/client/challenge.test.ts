import { expect, test } from "bun:test";
import { parseChallenges } from "./challenge.ts";

function check(header: string): string {
  return parseChallenges(header)
    .map(
      ({ scheme, parameters }) =>
        `${scheme}(${Object.entries(parameters)
          .map((pair) => pair.join("="))
          .join()})`,
    )
    .join(" ");
}

test.each<[string, string]>([
  ["", ""],
  ['Basic realm="Registry"', "basic(realm=Registry)"],
  [
    'Bearer realm="https://auth.example/token",service="registry.example",scope="repository:a/b:pull,push"',
    "bearer(realm=https://auth.example/token,service=registry.example,scope=repository:a/b:pull,push)",
  ],
  ['Bearer realm=x , Basic realm="a \\"b\\""', 'bearer(realm=x) basic(realm=a "b")'],
  ["Negotiate", "negotiate()"],
  ['BEARER Realm="a",realm="b"', "bearer(realm=a)"],
  ['Bearer __proto__="x"', "bearer(__proto__=x)"],
  ['Bearer realm="unfinished', 'bearer(realm="unfinished)'],
  ["=,;\u0000", ""],
])("challenges of %j", (header, expected) => {
  expect(check(header)).toBe(expected);
});

test("a hostile header takes no time", () => {
  const startedAt = performance.now();
  parseChallenges('"\\'.repeat(100_000));
  parseChallenges("a=".repeat(100_000));
  expect(performance.now() - startedAt).toBeLessThan(1000);
});
