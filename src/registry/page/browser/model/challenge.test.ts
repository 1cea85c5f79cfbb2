import { expect, test } from "bun:test";
import { bearerChallenge, tokenAddress } from "./challenge.ts";

test.each([
  [null, undefined],
  ['Basic realm="x"', undefined],
  ["Bearer", undefined],
  ['Bearer service="x"', undefined],
  [
    'Bearer realm="https://auth/token",service="reg",scope="repository:a/b:pull,push"',
    { realm: "https://auth/token", service: "reg", scope: "repository:a/b:pull,push" },
  ],
  ["bearer realm=/token", { realm: "/token", service: "", scope: "" }],
  ['Basic realm="x", Bearer realm="/t", realm="/second"', { realm: "/t", service: "", scope: "" }],
])("WWW-Authenticate: %s", (header, expected) => {
  expect(bearerChallenge(header)).toEqual(expected as ReturnType<typeof bearerChallenge>);
});

test("the address of a token names service and each scope", () => {
  const address = (realm: string) =>
    tokenAddress({ realm, service: "r g", scope: "a:b:pull c:d:*" }, "http://host/")?.href;
  expect(address("/token?account=1")).toBe(
    "http://host/token?account=1&service=r+g&scope=a%3Ab%3Apull&scope=c%3Ad%3A*",
  );
  expect(address("https://auth.example/t")).toStartWith("https://auth.example/t?service=");
  expect(address("javascript:alert(1)")).toBeUndefined();
  expect(address("http://")).toBeUndefined();
});
