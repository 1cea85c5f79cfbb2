import { describe, expect, test } from "bun:test";
import { decodeContainerSpec } from "./decode-spec.ts";

const decode = (body: object) => decodeContainerSpec({ Image: "busybox", ...body }, { name: "n", platform: "" });
const withHost = (HostConfig: object) => decode({ HostConfig });

describe("binds", () => {
  const read: [string, object][] = [
    ["/a:/b", { type: "bind", source: "/a", destination: "/b", readOnly: false, createSource: true, mode: "" }],
    ["/a/../c/:/b/:ro,z", { type: "bind", source: "/c", destination: "/b", readOnly: true, mode: "ro,z" }],
    ["/a:/b:rslave", { type: "bind", propagation: "rslave" }],
    ["v:/b:nocopy", { type: "volume", source: "v", noCopy: true }],
    ["/b", { type: "volume", source: "", destination: "/b" }],
  ];
  test.each(read)("%s", (bind, expected) => {
    expect(withHost({ Binds: [bind] }).mounts[0]).toMatchObject({ from: "binds", ...expected });
  });

  const refused: [string, string][] = [
    ["", "invalid volume specification: ''"],
    ["/a:", "invalid volume specification: '/a:'"],
    [":/a", "invalid volume specification: ':/a'"],
    ["/a:rw", "invalid volume specification: '/a:rw'"],
    ["/a:/b:ro:x", "invalid volume specification: '/a:/b:ro:x'"],
    ["/a:/b:wrong", "invalid mode: wrong"],
    ["/a:/b:ro,rw", "invalid mode: ro,rw"],
    ["/a:/b:nocopy", "invalid mode: nocopy"],
    ["v:/b:rshared", "invalid mode: rshared"],
    ["/a:b", "mount path must be absolute"],
    ["/a:/", "destination can't be '/'"],
    ["/a:/x/..", "destination can't be '/'"],
  ];
  test.each(refused)("%j is refused", (bind, text) => {
    expect(() => withHost({ Binds: [bind] })).toThrow(text);
  });
});

describe("mounts", () => {
  const refused: [object, string][] = [
    [{ Type: "bind", Target: "/t" }, 'invalid mount config for type "bind": field Source must not be empty'],
    [{ Type: "bind", Source: "rel", Target: "/t" }, "mount path must be absolute"],
    [{ Type: "volume", Source: "v" }, "field Target must not be empty"],
    [{ Type: "tmpfs", Source: "x", Target: "/t" }, "field Source must not be specified"],
    [{ Type: "tmpfs", Target: "/t", BindOptions: {} }, "field BindOptions must not be specified"],
    [
      { Type: "volume", Source: "v", Target: "/t", VolumeOptions: { Subpath: "../x" } },
      "subpath must be a relative path",
    ],
    [{ Type: "image", Source: "v", Target: "/t" }, "not supported"],
    [{ Target: "/t" }, "mount type unknown"],
  ];
  test.each(refused)("%j is refused", (mount, text) => {
    expect(() => withHost({ Mounts: [mount] })).toThrow(text);
  });
});

describe("ports", () => {
  test("bindings are read with addresses and ranges", () => {
    const bindings = {
      "80/tcp": [{ HostIp: "127.0.0.1", HostPort: "8000-8010" }, {}],
      "53/udp": [],
      "443": [{ HostPort: "443" }],
    };
    expect(
      withHost({ PortBindings: bindings })
        .network.portBindings.map((one) => Object.values(one).join(" "))
        .sort(),
    ).toEqual(["443 tcp  443 443", "53 udp  0 0", "80 tcp  0 0", "80 tcp 127.0.0.1 8000 8010"]);
  });
  const refused: [object, string][] = [
    [{ "x/tcp": [] }, 'invalid port specification: "x"'],
    [{ "80/icmp": [] }, "invalid proto: icmp"],
    [{ "80/tcp": [{ HostPort: "http" }] }, 'invalid port specification: "http"'],
    [{ "80/tcp": [{ HostPort: "90-80" }] }, 'invalid port specification: "90-80"'],
    [{ "80/tcp": [{ HostPort: "65536" }] }, 'invalid port specification: "65536"'],
    [{ "80/tcp": [{ HostIp: "localhost" }] }, "invalid IP address: localhost"],
  ];
  test.each(refused)("%j is refused", (PortBindings, text) => {
    expect(() => withHost({ PortBindings })).toThrow(text);
  });
});

test("names of fields match in any case, null is absent, a command may be one word", () => {
  const spec = decodeContainerSpec(
    { image: "x", CMD: "one", hostconfig: { MEMORY: 5 }, Entrypoint: null, Env: null },
    { name: "", platform: "linux/arm64/v8" },
  );
  expect(spec).toMatchObject({
    image: "x",
    process: { command: ["one"], entrypoint: null, environment: [] },
    resources: { memoryBytes: 5 },
    platform: { os: "linux", architecture: "arm64", variant: "v8" },
  });
});

test("a restart policy and a device driver that do not exist are refused", () => {
  expect(() => withHost({ RestartPolicy: { Name: "sometimes" } })).toThrow("unknown policy 'sometimes'");
  expect(() => withHost({ DeviceRequests: [{ Count: -1, Capabilities: [["gpu"]] }] })).toThrow(
    'could not select device driver "" with capabilities: [[gpu]]',
  );
});
