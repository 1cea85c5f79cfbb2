import { expect, test } from "bun:test";
import { requestedDevices } from "./requested-devices.ts";

const YAML = `cdiVersion: "0.6.0"
kind: vendor.com/class
containerEdits:
  env: [COMMON=1]
devices:
- name: one
  containerEdits:
    env: [ONE=1]
    deviceNodes:
    - path: /dev/in
      hostPath: /dev/null
      permissions: r
    mounts:
    - hostPath: /usr/lib/x
      containerPath: /usr/lib/y
      options: [ro, nosuid, rbind]
- name: two
  containerEdits: {env: [TWO=1]}
`;
const JSON_SPEC = JSON.stringify({
  kind: "other.com/hooked",
  devices: [{ name: "x", containerEdits: { hooks: [{ hookName: "createContainer", path: "/bin/true" }] } }],
});
const texts = () => [YAML, JSON_SPEC, "not: [a spec", "kind: without devices"];
const environment = (...flags: string[]) => requestedDevices(flags, texts).environment;

test("a device brings its nodes, mounts and variables, and those of its kind", () => {
  expect(requestedDevices(["vendor.com/class=one"], texts)).toEqual({
    environment: ["COMMON=1", "ONE=1"],
    devices: [{ pathOnHost: "/dev/null", pathInContainer: "/dev/in", permissions: "r" }],
    mounts: [
      {
        kind: "bind",
        source: "/usr/lib/x",
        destination: "/usr/lib/y",
        recursive: true,
        attributes: { readOnly: true, noSuid: true, noDev: false, noExec: false },
        propagation: "rprivate",
      },
    ],
  });
});

test("a star means all of a kind, no device the first of them", () => {
  expect(environment("vendor.com/class=*")).toEqual(["COMMON=1", "ONE=1", "TWO=1"]);
  expect(environment("vendor.com/class")).toEqual(["COMMON=1", "ONE=1"]);
  expect(environment("name=vendor.com/class=two,required")).toEqual(["COMMON=1", "TWO=1"]);
});

test("what is not there is left out, and an error where it is required", () => {
  expect(environment("vendor.com/class=three", "nobody.com/x")).toEqual([]);
  expect(environment("vendor.com/class=three,required=false")).toEqual([]);
  expect(() => environment("vendor.com/class=three,required")).toThrow(
    'required device "vendor.com/class=three" is not available',
  );
});

test("malformed flags and devices that need hooks are refused", () => {
  for (const flag of ["", ",required", "a/b=c,optional", "a/b=c,required=maybe"]) {
    expect(() => environment(flag)).toThrow("invalid device");
  }
  expect(() => environment("other.com/hooked=x")).toThrow("needs hooks");
});

test("specifications are not even read where no device is asked for", () => {
  expect(requestedDevices([], () => expect.unreachable())).toEqual({ environment: [], devices: [], mounts: [] });
});
