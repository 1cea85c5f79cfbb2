import { describe, expect, test } from "bun:test";
import { gantry } from "./gantry.ts";
import { progressDaemon } from "./progress-daemon.ts";

const STREAM = [
  { status: "The push refers to repository [h:5000/a]" },
  { status: "Preparing", progressDetail: {}, id: "aaa" },
  { status: "Pushing", progressDetail: { current: 5, total: 10 }, id: "aaa" },
  { status: "Pushed", progressDetail: {}, id: "aaa" },
  { status: "1: digest: sha256:1 size: 5" },
  { progressDetail: {}, aux: { Tag: "1", Digest: "sha256:1", Size: 5 } },
];
const body = () => new Response(STREAM.map((line) => `${JSON.stringify(line)}\r\n`).join(""));

describe("push", () => {
  test.each([
    [["push", "h:5000/a:1"], "/images/h:5000/a/push", "tag=1"],
    [["push", "-a", "h:5000/a"], "/images/h:5000/a/push", ""],
    [
      ["push", "--platform", "linux/arm64", "a:1"],
      "/images/a/push",
      'tag=1&platform={"architecture":"arm64","os":"linux"}',
    ],
  ])("%j", async (args, path, query) => {
    using daemon = progressDaemon(body);
    const { code, out, err } = await gantry(daemon.host, args);
    expect(code).toBe(0);
    expect(err.includes("pushes only the specified platform manifest")).toBe(args.includes("--platform"));
    expect(out).toBe(
      "The push refers to repository [h:5000/a]\naaa: Preparing\naaa: Pushed\n1: digest: sha256:1 size: 5\n",
    );
    expect([daemon.asked[0]?.method, daemon.asked[0]?.path]).toEqual(["POST", path]);
    expect(decodeURIComponent(String(daemon.asked[0]?.query))).toBe(query);
  });

  test("without a tag it is latest, and says so; -q prints the name alone", async () => {
    using daemon = progressDaemon(body);
    expect((await gantry(daemon.host, ["push", "a"])).out).toStartWith("Using default tag: latest\n");
    expect(await gantry(daemon.host, ["push", "-q", "a"])).toEqual({
      code: 0,
      out: "docker.io/library/a:latest\n",
      err: "",
    });
    expect(daemon.asked.every(({ query }) => query.get("tag") === "latest")).toBe(true);
    expect((await gantry(daemon.host, ["push", "-qa", "a"])).out).toBe("docker.io/library/a\n");
  });

  test.each([
    [["push", "-a", "a:1"], "tag can't be used with --all-tags/-a\n"],
    [["push", `a@sha256:${"a".repeat(64)}`], "cannot push a digest reference\n"],
    [["push", "A"], "invalid reference format: repository name (library/A) must be lowercase\n"],
  ])("%j is refused before anything is asked", async (args, err) => {
    using daemon = progressDaemon(body);
    const result = await gantry(daemon.host, args);
    expect([result.code, result.err]).toEqual([1, err]);
    expect(daemon.asked).toEqual([]);
  });
});
