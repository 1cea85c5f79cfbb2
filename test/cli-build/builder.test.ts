import { expect, test } from "bun:test";
import { formatPlatform, hostPlatform } from "../../src/formats/oci/platform.ts";
import { served } from "./served.ts";

const PLATFORM = formatPlatform(hostPlatform());

test("buildx ls: the one builder and its node, as a table, by template and as JSON", async () => {
  await using s = await served();
  const { out } = await s.run(["buildx", "ls"]);
  expect(out.split("\n").map((line) => line.trimEnd().split(/ {2,}/))).toEqual([
    ["NAME/NODE", "DRIVER/ENDPOINT", "STATUS", "BUILDKIT", "PLATFORMS"],
    ["default*", "docker"],
    [" \\_ default", "\\_ default", "running", "v1.2.3", PLATFORM],
    [""],
  ]);
  expect((await s.run(["builder", "ls", "--format", "{{.Name}} {{.Status}}"])).out).toBe("default running\n");
  expect(JSON.parse((await s.run(["buildx", "ls", "--format", "json"])).out)).toMatchObject({
    Name: "default",
    Driver: "docker",
    Current: true,
    Nodes: [{ Name: "default", Status: "running", Platforms: [PLATFORM] }],
  });
});

test("buildx inspect: what scripts look for, and how the cache is kept small", async () => {
  await using s = await served();
  const { out } = await s.run(["buildx", "inspect", "--bootstrap"]);
  expect(out).toBe(
    [
      "Name:   default",
      "Driver: docker",
      "",
      "Nodes:",
      "Name:             default",
      "Endpoint:         default",
      "Status:           running",
      "BuildKit version: v1.2.3",
      `Platforms:        ${PLATFORM}`,
      "GC Policy rule#0:",
      " All:            false",
      " Filters:        type==source.local",
      " Max Used Space: 1.863GiB",
      "",
    ].join("\n"),
  );
  expect((await s.run(["builder", "inspect", "default"])).out).toBe(out);
  const other = await s.run(["buildx", "inspect", "mybuilder"]);
  expect([other.code, other.err]).toEqual([1, expect.stringContaining('no builder "mybuilder" found')]);
});

test("buildx version", async () => {
  await using s = await served();
  expect((await s.run(["buildx", "version"])).out).toMatch(/^gantry v\d+\.\d+\.\d+\n$/);
});
