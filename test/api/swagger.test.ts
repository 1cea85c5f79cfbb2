import { afterAll, beforeAll, expect, test } from "bun:test";
import { type ServedApi, serveFake } from "./harness.ts";
import { validateResponse } from "./swagger.ts";

let api: ServedApi;
beforeAll(async () => {
  api = await serveFake();
  await api.json("POST", "/containers/create?name=web", {
    body: { Image: "busybox", HostConfig: { Binds: ["v:/v"] } },
  });
  await api.json("POST", "/volumes/create", { body: { Name: "v", Labels: { a: "b" } } });
});
afterAll(() => api[Symbol.asyncDispose]());

const GETS = [
  "/info",
  "/version",
  "/containers/json?all=1&size=1",
  "/containers/web/json",
  "/containers/web/top",
  "/images/json",
  "/images/busybox/json",
  "/images/busybox/history",
  "/networks",
  "/networks/bridge",
  "/volumes",
  "/volumes/v",
  "/containers/nothing/json",
  "/images/nothing/json",
  "/networks/nothing",
  "/volumes/nothing",
];

test.each(GETS)("GET %s is as the Engine API's document says", async (path) => {
  const { status, text } = await api.request("GET", `/v1.55${path}`);
  expect(validateResponse("GET", path.split("?")[0] ?? "", status, JSON.parse(text))).toEqual([]);
});

const POSTS: [method: string, path: string, body: unknown][] = [
  ["POST", "/containers/create", { Image: "busybox" }],
  ["POST", "/containers/web/exec", { Cmd: ["true"] }],
  ["POST", "/containers/prune", undefined],
  ["POST", "/volumes/create", { Name: "w" }],
  ["POST", "/volumes/prune", undefined],
  ["POST", "/networks/prune", undefined],
  ["DELETE", "/images/busybox", undefined],
];

test.each(POSTS)("%s %s is as the Engine API's document says", async (method, path, body) => {
  const { status, text } = await api.request(method, path, body === undefined ? {} : { body });
  expect(validateResponse(method, path, status, JSON.parse(text))).toEqual([]);
});

test("the validator finds a field of the wrong type, and an unknown status", () => {
  expect(validateResponse("GET", "/containers/x/json", 200, { Id: 5 })).toEqual(["/Id must be string"]);
  expect(validateResponse("GET", "/containers/x/json", 418, {})[0]).toContain("no answer 418");
});
