import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import type { Networks } from "../../src/networks/networks.ts";
import { until } from "../harness/until.ts";
import { obstacle } from "../launcher/box.ts";
import { World } from "../networks/namespace-world.ts";
import { openWorldNetworks } from "../networks/world-networks.ts";
import { openWorkshop, type Workshop } from "./workshop.ts";

describe.skipIf(obstacle() !== undefined)("the network of a RUN (needs root and busybox)", () => {
  let world: World;
  let networks: Networks;
  let shop: Workshop;
  beforeAll(async () => {
    world = new World();
    networks = await openWorldNetworks();
    shop = await openWorkshop({ deps: { networks } });
  });
  afterEach(async () => {
    await until("the end of the pairs", () => !world.must("ip", "-o", "link").includes("gveth"));
    expect((await networks.get("bridge")).endpoints).toEqual([]);
    expect(shop.leftovers()).toEqual([]);
  });
  afterAll(async () => {
    await shop?.close();
    await networks?.close();
    await world?.leave();
  });

  test("a step has an address of the default bridge, its gateway, and its own name", async () => {
    const { text } = await shop.run("ip -4 -o addr show dev eth0; ip route; grep buildkitsandbox /etc/hosts");
    expect(text).toMatch(/eth0\s+inet 172\.17\.0\.2\/16/);
    expect(text).toContain("default via 172.17.0.1 dev eth0");
    expect(text).toContain("172.17.0.2\tbuildkitsandbox");
  });

  test("steps at once have addresses of their own; one that fails gives its back", async () => {
    const address = () => shop.run("ip -4 -o addr show dev eth0 | grep -o '172[.0-9]*' | head -1; sleep 0.2");
    const texts = await Promise.all([address(), address(), address()]);
    expect(new Set(texts.map(({ text }) => text)).size).toBe(3);
    await shop.failure("exit 1");
    await shop.failure("true", { argv: ["/none"] });
    await shop.failure("true", { user: "nobody-knows" });
  });
});
