import { expect, test } from "bun:test";
import { containerSpec } from "../../test/containers/spec.ts";
import { applyDefaults } from "./apply-defaults.ts";

const DEFAULTS = {
  cgroupParent: "/gantry",
  init: false,
  runtime: "gantry",
  dns: { servers: [], options: [], search: [] },
  shmSizeBytes: 1 << 20,
  ulimits: [
    { name: "nofile", soft: 1, hard: 2 },
    { name: "core", soft: 0, hard: 0 },
  ],
  log: { driver: "json-file", options: { "max-size": "1m", "max-file": "2" } },
  securityOptions: ["no-new-privileges"],
};

const base = containerSpec(["true"]);

test("the daemon's defaults fill what the user left open", () => {
  const spec = applyDefaults(base, DEFAULTS);
  expect(spec.shmSizeBytes).toBe(1 << 20);
  expect(spec.log.options).toEqual({ "max-size": "1m", "max-file": "2" });
  expect(spec.security.securityOptions).toEqual(["no-new-privileges"]);
});

test("what the user says wins, limit by limit and option by option", () => {
  const own = { name: "nofile", soft: 7, hard: 8 };
  const spec = applyDefaults(
    {
      ...base,
      shmSizeBytes: 5,
      resources: { ...base.resources, ulimits: [own] },
      log: { driver: "json-file", options: { "max-size": "9m" } },
    },
    DEFAULTS,
  );
  expect(spec.shmSizeBytes).toBe(5);
  expect(spec.resources.ulimits).toEqual([own, { name: "core", soft: 0, hard: 0 }]);
  expect(spec.log.options).toEqual({ "max-size": "9m", "max-file": "2" });
});

test("options of the default log driver are not given to another one", () => {
  expect(applyDefaults({ ...base, log: { driver: "none", options: {} } }, DEFAULTS).log).toEqual({
    driver: "none",
    options: {},
  });
});
