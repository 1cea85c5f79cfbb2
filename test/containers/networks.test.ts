import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { containerSpec } from "./spec.ts";
import { openTestContainers, removeTerritory, type TestContainers } from "./territory.ts";

const directory = mkdtempSync(`${tmpdir()}/gantry-container-networks-`);
let system: TestContainers;

beforeAll(async () => {
  system = await openTestContainers(directory);
  await system.containers.recover();
});
afterAll(() => removeTerritory(directory, system));

const endpoint = { aliases: [], links: [], driverOptions: {} };
const SHARING =
  "container sharing network namespace with another container or host cannot be connected to any other network";
const PRIVATE = "container cannot be connected to multiple networks with one of the networks in private (none) mode";

async function startWith(mode: string, names: string[]): Promise<string> {
  const { containers } = system;
  const base = containerSpec(["true"]);
  const endpoints = Object.fromEntries(names.map((name) => [name, endpoint]));
  const { id } = await containers.create({ ...base, network: { ...base.network, mode, endpoints } });
  try {
    await containers.start(id);
    return "started";
  } catch (error) {
    expect((await containers.get(id)).state).toMatchObject({ status: "created", failure: { code: 128 } });
    return (error as Error).message;
  } finally {
    await containers.remove(id, { force: true, volumes: true, link: false });
    expect(system.endpoints.size).toBe(0);
  }
}

test.each([
  ["none", [], "started"],
  ["none", ["none"], "started"],
  ["host", ["host"], "started"],
  ["none", ["nosuch"], "network nosuch not found"],
  ["none", ["bridge"], PRIVATE],
  ["host", ["bridge"], SHARING],
  ["default", ["default", "nosuch"], "network nosuch not found"],
  ["bridge", ["bridge", "none"], PRIVATE],
  ["bridge", ["host"], "container cannot be disconnected from host network or connected to host network"],
])("mode %s with endpoints in %j: %s", async (mode, names, expected) => {
  const frame = expected === "started" ? "" : "failed to set up container networking: ";
  expect(await startWith(mode, names)).toBe(frame + expected);
});
