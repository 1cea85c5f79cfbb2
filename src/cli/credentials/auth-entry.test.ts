import { expect, test } from "bun:test";
import { readEntry, writeEntry } from "./auth-entry.ts";

test.each([
  [{ auth: btoa("me:p:w") }, { username: "me", password: "p:w", serveraddress: "h" }],
  [{ auth: btoa("me:pw\0\0") }, { username: "me", password: "pw", serveraddress: "h" }],
  [
    { username: "me", password: "pw" },
    { username: "me", password: "pw", serveraddress: "h" },
  ],
  [
    { auth: btoa("me:old"), identitytoken: "t" },
    { username: "me", serveraddress: "h", identitytoken: "t" },
  ],
  [{ registrytoken: "t" }, { serveraddress: "h", registrytoken: "t" }],
  [{}, undefined],
  [{ auth: "" }, undefined],
])("%j is the account %j", (entry, account) => {
  expect(readEntry("h", entry)).toEqual(account);
});

test("an auth that is no pair is an error that does not tell what it holds", () => {
  expect(() => readEntry("h", { auth: btoa("secret") })).toThrow("invalid auth of h in the configuration");
});

test("what is written is read again, and holds no field that is empty", () => {
  const account = { username: "me", password: "pä:ss", serveraddress: "h" };
  expect(readEntry("h", writeEntry(account))).toEqual(account);
  expect(writeEntry({ username: "me", serveraddress: "h", identitytoken: "t" })).toEqual({
    auth: btoa("me:"),
    identitytoken: "t",
  });
});
