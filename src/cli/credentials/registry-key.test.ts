import { expect, test } from "bun:test";
import { HUB_KEY, keyOfImage, keyOfServer, keyOfTerm } from "./registry-key.ts";

test.each([
  ["busybox", HUB_KEY],
  ["joe/app:1", HUB_KEY],
  ["docker.io/joe/app", HUB_KEY],
  ["index.docker.io/joe/app", HUB_KEY],
  ["localhost/a", "localhost"],
  ["h:5000/a/b:1", "h:5000"],
  ["Reg.example.com/a", "Reg.example.com"],
  ["[::1]:5000/a", "[::1]:5000"],
  [`h.io/a@sha256:${"a".repeat(64)}`, "h.io"],
])("the account of image %s is kept under %s", (image, key) => {
  expect(keyOfImage(image)).toBe(key);
});

test.each([
  ["", HUB_KEY],
  ["docker.io", HUB_KEY],
  [HUB_KEY, HUB_KEY],
  ["h:5000", "h:5000"],
  ["https://h:5000/v2/", "h:5000"],
  ["http://h", "h"],
])("login %j means %s", (server, key) => {
  expect(keyOfServer(server)).toBe(key);
});

test.each([
  ["busybox", HUB_KEY],
  ["joe/app", HUB_KEY],
  ["docker.io/app", HUB_KEY],
  ["h:5000/app", "h:5000"],
  ["localhost/app", "localhost"],
])("search %s asks %s", (term, key) => {
  expect(keyOfTerm(term)).toBe(key);
});
