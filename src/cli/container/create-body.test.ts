import { describe, expect, test } from "bun:test";
import { parseFlags } from "../flags/flag-set.ts";
import { RUN_FLAGS } from "./container-flags.ts";
import { type CreateInputs, createBody } from "./create-body.ts";

const INPUTS: CreateInputs = {
  environment: [],
  labels: {},
  securityOptions: [],
  unconfinedPaths: false,
  consoleSize: [0, 0],
  workingDir: "/home/me",
};

/** Bodies were compared with those that the docker client of the same command line sends. */
function body(...args: string[]) {
  return createBody(parseFlags(RUN_FLAGS, args, { interspersed: false }), INPUTS, false);
}

function failure(...args: string[]): string {
  try {
    body(...args);
    return "no failure";
  } catch (error) {
    return (error as Error).message;
  }
}

describe("the body of create", () => {
  test("is small when nothing is asked for", () => {
    expect(body("img", "true")).toMatchObject({
      Image: "img",
      Cmd: ["true"],
      AttachStdin: false,
      AttachStdout: true,
      AttachStderr: true,
      HostConfig: { NetworkMode: "default", AutoRemove: false, RestartPolicy: { Name: "no", MaximumRetryCount: 0 } },
    });
    expect(body("img")["Cmd"]).toBeNull();
    expect(body("img")["Entrypoint"]).toBeUndefined();
  });

  test("has the ports of every form of -p", () => {
    const sent = body(
      "-p",
      "80",
      "-p",
      "127.0.0.1:8000-8001:9000-9001/udp",
      "-p",
      "[::1]:53:53",
      "-p",
      "8080-8090:81",
      "i",
    );
    expect(sent.HostConfig["PortBindings"]).toEqual({
      "80/tcp": [{ HostIp: "", HostPort: "" }],
      "9000/udp": [{ HostIp: "127.0.0.1", HostPort: "8000" }],
      "9001/udp": [{ HostIp: "127.0.0.1", HostPort: "8001" }],
      "53/tcp": [{ HostIp: "::1", HostPort: "53" }],
      "81/tcp": [{ HostIp: "", HostPort: "8080-8090" }],
    });
    expect(Object.keys(sent["ExposedPorts"] as object)).toHaveLength(5);
  });

  test("keeps binds as text, anonymous volumes apart, relative paths made absolute", () => {
    const sent = body("-v", "/a:/b:ro", "-v", "vol:/c", "-v", "/anon", "-v", "./x/../y:/d", "i");
    expect(sent.HostConfig["Binds"]).toEqual(["/a:/b:ro", "vol:/c", "/home/me/y:/d"]);
    expect(sent["Volumes"]).toEqual({ "/anon": {} });
  });

  test("has mounts with the options of their type", () => {
    const sent = body(
      "--mount",
      "type=tmpfs,dst=/t,tmpfs-size=1m,tmpfs-mode=1770",
      "--mount",
      'type=volume,src=v,dst=/v,volume-nocopy,"volume-opt=o=a,b"',
      "i",
    );
    expect(sent.HostConfig["Mounts"]).toEqual([
      { Type: "tmpfs", Target: "/t", TmpfsOptions: { SizeBytes: 1048576, Mode: 0o1770 } },
      {
        Type: "volume",
        Source: "v",
        Target: "/v",
        VolumeOptions: { NoCopy: true, DriverConfig: { Options: { o: "a,b" } } },
      },
    ]);
  });

  test("attaches each network with its own fields; plain flags are the first one's", () => {
    const sent = body("--network", "name=n1,ip=1.2.3.4,gw-priority=3", "--net", "n2", "--network-alias", "b", "i");
    expect(sent.HostConfig["NetworkMode"]).toBe("n1");
    expect(sent["NetworkingConfig"]).toEqual({
      EndpointsConfig: { n1: { IPAMConfig: { IPv4Address: "1.2.3.4" }, Aliases: ["b"], GwPriority: 3 }, n2: {} },
    });
  });
});

test.each([
  [["-p", "x:y:z", "i"], "invalid IP address: x"],
  [["-p", "99999:80", "i"], "invalid hostPort: 99999"],
  [["-p", "1-3:4-5", "i"], "invalid ranges specified for container and host Ports: 4-5 and 1-3"],
  [["-p", "80/foo", "i"], "invalid proto: foo"],
  [["-p", "80:", "i"], "no port specified: 80:<empty>"],
  [
    ["--expose", "x", "i"],
    'invalid range format for --expose: x, error: strconv.ParseUint: parsing "x": invalid syntax',
  ],
  [["--restart", "foo:x", "i"], "invalid restart policy format: maximum retry count must be an integer"],
  [["--rm", "--restart", "always", "i"], "conflicting options: cannot specify both --restart and --rm"],
  [["--memory-swappiness", "200", "i"], "invalid value: 200. Valid memory swappiness range is 0-100"],
  [["--log-driver", "none", "--log-opt", "a=b", "i"], "invalid logging opts for driver none"],
  [["--uts", "zz", "i"], "--uts: invalid UTS mode"],
  [["--no-healthcheck", "--health-cmd", "x", "i"], "--no-healthcheck conflicts with --health-* options"],
  [["--network", "", "i"], "no name set for network"],
  [["--mac-address", "zz", "i"], "zz is not a valid mac address"],
  [["-v", ":/x", "i"], "invalid spec: :/x: empty section between colons"],
])("%j is refused in Docker's words", (args, message) => {
  expect(failure(...args)).toBe(message);
});
