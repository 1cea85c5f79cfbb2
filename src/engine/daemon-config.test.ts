import { expect, test } from "bun:test";
import { parseDaemonFlags, resolveDaemonConfig } from "./daemon-config.ts";

const resolve = (argv: string[], file: Record<string, unknown> = {}) =>
  resolveDaemonConfig(parseDaemonFlags(argv).values, file);

test("dockerd's flag grammar: long, equals, short, repeated, boolean", () => {
  const config = resolve([
    "--data-root",
    "/d",
    "--exec-root=/e",
    "-H",
    "unix:///a.sock",
    "-Htcp://127.0.0.1:1",
    "-D",
    "--icc=false",
    "--log-opt",
    "max-size=1m",
  ]);
  expect(config).toMatchObject({
    dataRoot: "/d",
    execRoot: "/e",
    pidFile: "/e/gantry.pid",
    hosts: ["unix:///a.sock", "tcp://127.0.0.1:1"],
    logLevel: "debug",
    interContainerCommunication: false,
    logOptions: { "max-size": "1m" },
  });
});

test("daemon.json keys are dockerd's", () => {
  expect(
    resolve([], {
      hosts: ["unix:///x.sock"],
      "insecure-registries": ["a:5000"],
      "live-restore": true,
      "log-opts": { "max-file": "3" },
    }),
  ).toMatchObject({
    hosts: ["unix:///x.sock"],
    insecureRegistries: ["a:5000"],
    ignored: ["live-restore"],
    logOptions: { "max-file": "3" },
  });
});

test.each([
  [["--nope"], {}, "unknown flag: --nope"],
  [["--bip"], {}, "flag needs an argument: --bip"],
  [["--mtu", "x"], {}, 'invalid value "x" for "mtu"'],
  [["-H", "ftp://x"], {}, "invalid bind address (ftp://x): unsupported proto"],
  [["--bip", "10.0.0.1/24"], { bip: "10.0.0.2/24" }, "specified both as a flag and in the configuration file"],
  [[], { nonsense: 1 }, "the following directives don't match any configuration option: nonsense"],
  [["--storage-driver", "zfs"], {}, "storage driver zfs is not available"],
] as [string[], Record<string, unknown>, string][])("refuses %p %p", (argv, file, message) => {
  expect(() => resolve(argv, file)).toThrow(message);
});
