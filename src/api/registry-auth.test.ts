import { describe, expect, test } from "bun:test";
import { decodeAuthConfig, decodeRegistryAuth, decodeRegistryConfig } from "./registry-auth.ts";

const NONE = { username: "", password: "", serverAddress: "", identityToken: "", registryToken: "" };
const encode = (value: unknown, alphabet: "base64" | "base64url" = "base64url") =>
  Buffer.from(JSON.stringify(value)).toString(alphabet);

describe("X-Registry-Auth", () => {
  const pair = { username: "me", password: "p?>ÿ~~~", serveraddress: "h:5000" };
  const expected = { ...NONE, username: "me", password: "p?>ÿ~~~", serverAddress: "h:5000" };
  test.each([
    ["URL alphabet, not padded", encode(pair)],
    ["URL alphabet, padded", `${encode(pair)}==`.slice(0, Math.ceil(encode(pair).length / 4) * 4)],
    ["standard alphabet", encode(pair, "base64")],
  ])("is read in the %s", (_, header) => {
    expect(decodeRegistryAuth(header)).toEqual(expected);
  });

  test("a password that needs the letters in which the alphabets differ really has them", () => {
    expect(encode(pair, "base64")).toMatch(/[+/]/);
    expect(encode(pair)).toMatch(/[-_]/);
  });

  test.each([undefined, "", "e30=", "e30", "!!!", encode([1]), encode("x"), encode({ username: 5 }), encode(null)])(
    "%p is no account",
    (header) => {
      expect(decodeRegistryAuth(header)).toBeUndefined();
    },
  );

  test("tokens and the pair of `auth` are read, keys in any case", () => {
    expect(decodeRegistryAuth(encode({ IdentityToken: "t", username: "me" }))).toEqual({
      ...NONE,
      username: "me",
      identityToken: "t",
    });
    expect(decodeRegistryAuth(encode({ registrytoken: "t" }))).toEqual({ ...NONE, registryToken: "t" });
    expect(decodeRegistryAuth(encode({ auth: btoa("me:a:b") }))).toEqual({ ...NONE, username: "me", password: "a:b" });
  });

  test("a header of a megabyte, and JSON that is nested too deep, are not looked at", () => {
    expect(decodeRegistryAuth(encode({ username: "x".repeat(1 << 20) }))).toBeUndefined();
    expect(decodeRegistryAuth(Buffer.from("[".repeat(5000)).toString("base64url"))).toBeUndefined();
  });
});

test("a body with a wrong type is refused with Go's words", () => {
  expect(() => decodeAuthConfig({ username: 5 })).toThrow("cannot unmarshal number");
});

test("X-Registry-Config is an account for each registry; one that is unreadable is left out", () => {
  const header = encode({ "h:5000": { username: "a", password: "b" }, "i:1": { username: 1 }, "j:1": {} });
  expect(decodeRegistryConfig(header)).toEqual({
    "h:5000": { ...NONE, username: "a", password: "b", serverAddress: "h:5000" },
  });
  expect(decodeRegistryConfig("nonsense")).toEqual({});
  expect(decodeRegistryConfig(undefined)).toEqual({});
});
