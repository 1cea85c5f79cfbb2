import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { closePort, reservePort } from "../../src/kernel/net-port.ts";
import type { Networks, Sandbox } from "../../src/networks/networks.ts";
import { at } from "../../src/runtime/plan/launch-plan.ts";
import { until } from "../harness/until.ts";
import { type Box, createBox, obstacle } from "../launcher/box.ts";
import { World } from "./namespace-world.ts";
import { openWorldNetworks } from "./world-networks.ts";

const ANY = Uint8Array.of(0, 0, 0, 0);

describe.skipIf(obstacle() !== undefined)("a sandbox in the hands of the launcher (needs root and busybox)", () => {
  let world: World;
  let box: Box;
  let networks: Networks;

  beforeAll(async () => {
    world = new World();
    box = await createBox();
    networks = await openWorldNetworks();
  });
  afterAll(async () => {
    await networks?.close();
    await box?.[Symbol.asyncDispose]();
    await world?.leave();
  });

  const attach = () =>
    networks.attach({
      containerId: "c".repeat(64),
      containerName: "web",
      network: "bridge",
      endpoint: { aliases: [], links: [], driverOptions: {} },
      portBindings: [{ containerPort: 80, protocol: "tcp", hostIp: "", hostPortFirst: 8080, hostPortLast: 8080 }],
    });
  const plan = (sandbox: Sandbox, argv: string[]) => ({
    argv,
    mounts: [at("attend", "netlink", sandbox.hostMessages), at("enter", "netlink", sandbox.containerMessages)],
  });

  test("the container has its address and its published port, which its launcher keeps for it", async () => {
    const sandbox = await attach();
    const { task } = await box.start(
      plan(sandbox, ["/bin/busybox", "nc", "-ll", "-p", "80", "-e", "/bin/echo", "hello"]),
      [],
      sandbox.portReservations,
    );
    sandbox.portReservations.forEach(closePort);
    let answer = "";
    await until("the container's server", async () => {
      answer = await world.ask("tcp", "127.0.0.1", 8080);
      return !answer.startsWith("failed");
    });
    expect(answer).toBe("hello");
    expect(() => reservePort("tcp", ANY, 8080)).toThrow("EADDRINUSE");
    await task.signal(9);
    await task.exited;
    await networks.detach(sandbox.endpoint);
    await until("the end of the pair", () => !world.must("ip", "-o", "link").includes("gveth"));
    const fd = reservePort("tcp", ANY, 8080);
    expect(fd).toBeNumber();
    if (fd !== undefined) closePort(fd);
  });

  test("a container that ends at once leaves nothing", async () => {
    const sandbox = await attach();
    const finished = await box.run(plan(sandbox, ["/bin/busybox", "ip", "addr"]));
    sandbox.portReservations.forEach(closePort);
    expect(finished.stdout).toContain(`inet ${sandbox.endpoint.ipAddress}/16 brd 172.17.255.255 scope global eth0`);
    expect(finished.stdout).toContain(sandbox.endpoint.macAddress);
    expect(finished.stdout).toContain("inet 127.0.0.1/8");
    await networks.detach(sandbox.endpoint);
    await until("the end of the pair", () => !world.must("ip", "-o", "link").includes("gveth"));
  });
});
