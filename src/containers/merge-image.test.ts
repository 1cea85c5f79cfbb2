import { expect, test } from "bun:test";
import type { ImageConfig } from "../images/images.ts";
import type { ContainerSpec } from "./container-spec.ts";
import { commandLine, mergeEnvironment, mergeImage } from "./merge-image.ts";

const image = (entrypoint: string[] | null, command: string[] | null): ImageConfig => ({
  architecture: "amd64",
  os: "linux",
  author: "",
  user: "app",
  exposedPorts: ["80/tcp"],
  environment: ["PATH=/bin", "A=1"],
  entrypoint,
  command,
  volumes: ["/data"],
  workingDir: "/srv",
  labels: { a: "image", b: "image" },
  stopSignal: "SIGQUIT",
  onBuild: [],
  shell: [],
  diffIds: [],
  history: [],
});

function spec(entrypoint: string[] | null, command: string[] | null): ContainerSpec {
  return {
    process: { entrypoint, command, environment: ["A=2"], workingDir: "", user: "", tty: false },
    labels: { a: "own" },
    exposedPorts: [],
    anonymousVolumes: [],
    onBuild: [],
    shell: [],
  } as unknown as ContainerSpec;
}

test.each([
  ["all of the image", null, null, "entry cmd"],
  ["own command", null, ["x", "y"], "entry x y"],
  ["own entrypoint drops the image's command", ["mine"], null, "mine"],
  ["both own", ["mine"], ["x"], "mine x"],
  ["no entrypoint", [""], ["x"], "x"],
] as [string, string[] | null, string[] | null, string][])("%s", (_name, entrypoint, command, line) => {
  const { path, args } = commandLine(mergeImage(spec(entrypoint, command), image(["entry"], ["cmd"])));
  expect([path, ...args].join(" ")).toBe(line);
});

test("nothing to run is refused", () => {
  expect(() => mergeImage(spec(null, null), image(null, null))).toThrow("no command specified");
  expect(() => mergeImage(spec([""], null), image(["entry"], ["cmd"]))).toThrow("no command specified");
});

test("the image fills what the user left open", () => {
  const merged = mergeImage(spec(null, null), image(["entry"], null));
  expect(merged.process).toMatchObject({ user: "app", workingDir: "/srv", environment: ["A=2", "PATH=/bin"] });
  expect(merged).toMatchObject({
    labels: { a: "own", b: "image" },
    stopSignal: "SIGQUIT",
    anonymousVolumes: ["/data"],
  });
});

test("a variable of the user's replaces the image's", () => {
  expect(mergeEnvironment(["A=1", "B=2"], ["A=3", "C"])).toEqual(["A=3", "C", "B=2"]);
});
