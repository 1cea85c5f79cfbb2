import { expect, test } from "bun:test";
import { gantry } from "./gantry.ts";
import { progressDaemon } from "./progress-daemon.ts";

test("calls that go out together to an older daemon all agree upon its version", async () => {
  const { promise: allThere, resolve } = Promise.withResolvers<void>();
  let refused = 0;
  using daemon = progressDaemon(async ({ method, path, version }) => {
    if (method === "HEAD" && path === "/_ping") return new Response("", { headers: { "Api-Version": "1.41" } });
    if (version === "1.41") return new Response('{"status":"done"}\r\n');
    // All are refused before the first has asked for our version.
    if (++refused === 3) resolve();
    await allThere;
    return new Response('{"message":"client version 1.55 is too new. Maximum supported API version is 1.41"}', {
      status: 400,
    });
  });
  expect(await gantry(daemon.host, ["pull", "-q", "a", "b", "c"])).toEqual({
    code: 0,
    out: "docker.io/library/a:latest\ndocker.io/library/b:latest\ndocker.io/library/c:latest\n",
    err: "",
  });
});
