import { expect, test } from "bun:test";
import { instruction, stepsOf } from "./history.ts";
import { parseImageConfig } from "./image-config.ts";
import { parseManifest } from "./manifest.ts";

test.each([
  ["/bin/sh -c #(nop) ADD file:1 in / ", "ADD", "file:1 in /"],
  ['/bin/sh -c #(nop)  CMD ["sh"]', "CMD", '["sh"]'],
  ["/bin/sh -c apt-get update", "RUN", "apt-get update"],
  ["RUN /bin/sh -c npm ci # buildkit", "RUN", "npm ci"],
  ["COPY a b # buildkit", "COPY", "a b"],
  ["bazel build ...", "", "bazel build ..."],
  ["", "", ""],
])("%s", (createdBy, verb, command) => {
  expect(instruction(createdBy)).toEqual({ verb, command });
});

function steps(history: unknown[], sizes: number[]): string[] {
  const config = parseImageConfig(JSON.stringify({ history }));
  const layers = sizes.map((size) => ({ size, digest: "d", mediaType: "m" }));
  const manifest = parseManifest(JSON.stringify({ config: {}, layers }), "");
  if (manifest.form !== "image") throw new Error("no image");
  return stepsOf(config, manifest.layers).map(({ verb, layer }) => `${verb}=${layer?.size ?? "-"}`);
}

test("steps get their layers in order, and empty ones get none", () => {
  const history = [{ created_by: "ADD a" }, { created_by: "ENV b=c", empty_layer: true }, { created_by: "COPY d e" }];
  expect(steps(history, [1, 2])).toEqual(["ADD=1", "ENV=-", "COPY=2"]);
});

test("layers that history leaves out are shown, and history without layers too", () => {
  expect(steps([], [1, 2])).toEqual(["=1", "=2"]);
  expect(steps([{ created_by: "ADD a" }, { created_by: "COPY b c" }], [1])).toEqual(["ADD=1", "COPY=-"]);
});
