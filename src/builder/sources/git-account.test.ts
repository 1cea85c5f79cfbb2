import { expect, test } from "bun:test";
import { accountApart, serverOf } from "./git-account.ts";

const basic = (account: string) => `Authorization: Basic ${Buffer.from(account).toString("base64")}`;

test.each([
  ["https://me:pw@host.example/a.git", "https://host.example/a.git", "https://host.example", "me:pw"],
  ["http://token@host:8080/a", "http://host:8080/a", "http://host:8080", "token:"],
  ["https://me:p%40w%2F@host/a", "https://host/a", "https://host", "me:p@w/"],
  ["https://me:100%@host/a", "https://host/a", "https://host", "me:100%"],
])("attack 45: the account of %s is not in what git is called with", (remote, bare, origin, account) => {
  const setting = [`http.${origin}/.extraheader`, basic(account)];
  expect(accountApart(remote)).toEqual({ remote: bare, settings: [setting as [string, string]] });
});

test.each(["https://host/a.git", "git@host:a/b.git", "ssh://git@host/a", "git://host/a"])(
  "%s stays as it is",
  (remote) => {
    expect(accountApart(remote)).toEqual({ remote, settings: [] });
  },
);

test.each([
  ["https://me:pw@host.example/a.git", "host.example"],
  ["git@169.254.169.254:a/b.git", "169.254.169.254"],
  ["git@[fe80::1]:a", "[fe80::1]"],
  ["ssh://git@host:22/a", "host"],
  ["nothing", undefined],
])("the server of %s is %p", (remote, host) => {
  expect(serverOf(remote)?.hostname).toBe(host as string);
});
