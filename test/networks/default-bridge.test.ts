import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { createSystemClock } from "../../src/base/clock.ts";
import { messageOf } from "../../src/base/errors.ts";
import { createLogger, silentLogger } from "../../src/base/logger.ts";
import { closePort } from "../../src/kernel/net-port.ts";
import { createNetworks } from "../../src/networks/create-networks.ts";
import { createMemoryNetworkRecords } from "../../src/networks/network-records.ts";
import type { Networks, PortBinding, Sandbox } from "../../src/networks/networks.ts";
import { until } from "../harness/until.ts";
import { type StandIn, World } from "./namespace-world.ts";

const isRoot = process.getuid?.() === 0;

/** Whether frames between ports of a bridge pass the IPv4 hooks too; of each network namespace. */
const BRIDGE_FILTER = "/proc/sys/net/bridge/bridge-nf-call-iptables";

const OPTIONS = {
  bridge: "gantry0",
  bip: "",
  fixedCidr: "",
  defaultGateway: "",
  mtu: 1500,
  interContainerCommunication: true,
  publishAddress: "0.0.0.0",
  ipForward: true,
};

function tcp(hostPort: number, hostIp = "", containerPort = 80): PortBinding {
  return { containerPort, protocol: "tcp", hostIp, hostPortFirst: hostPort, hostPortLast: hostPort };
}

function request(portBindings: PortBinding[] = []) {
  return {
    containerId: "c".repeat(64),
    containerName: "web",
    network: "bridge",
    endpoint: { aliases: [], links: [], driverOptions: {} },
    portBindings,
  };
}

/** The message that a promise is rejected with; "" when it is not. */
async function refusal(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
    return "";
  } catch (error) {
    return messageOf(error);
  }
}

describe.skipIf(!isRoot)("default bridge (needs root)", () => {
  let world: World;
  let networks: Networks;
  let lan: StandIn;

  const make = (options: Partial<typeof OPTIONS> = {}, log = silentLogger) =>
    createNetworks({
      records: createMemoryNetworkRecords(),
      options: { ...OPTIONS, ...options },
      clock: createSystemClock(),
      log,
    });
  const release = (sandbox: Sandbox) => sandbox.portReservations.forEach(closePort);
  const container = async (bindings: PortBinding[] = []): Promise<{ box: StandIn; sandbox: Sandbox }> => {
    const box = await world.standIn();
    const sandbox = await networks.attach(request(bindings));
    world.connect(sandbox, box.pid);
    return { box, sandbox };
  };

  beforeAll(async () => {
    world = new World();
    lan = await world.standIn();
    world.must("ip", "link", "add", "lan0", "type", "veth", "peer", "name", "eth0", "netns", String(lan.pid));
    world.must("ip", "addr", "add", "10.99.0.1/24", "dev", "lan0");
    world.must("ip", "link", "set", "lan0", "up");
    await lan.run("ip", "addr", "add", "10.99.0.2/24", "dev", "eth0");
    await lan.run("ip", "link", "set", "eth0", "up");
    networks = make();
    await networks.restore([]);
  });

  afterAll(async () => {
    await networks?.close();
    await world?.leave();
  });

  test("a container reaches the gateway, its neighbour and the world, which sees the host's address", async () => {
    const a = await container();
    const b = await container();
    await b.box.serve(80);
    await lan.serve(80);
    const { ipAddress } = a.sandbox.endpoint;
    expect(await a.box.run("busybox", "ping", "-c1", "-W1", a.sandbox.endpoint.gateway)).toContain(
      "1 packets received",
    );
    expect(await a.box.ask("tcp", b.sandbox.endpoint.ipAddress, 80)).toBe(`from ${ipAddress}`);
    expect(await a.box.ask("udp", b.sandbox.endpoint.ipAddress, 80)).toBe(`from ${ipAddress}`);
    expect(await a.box.ask("tcp", "10.99.0.2", 80)).toBe("from 10.99.0.1");
    await a.box.end();
    await b.box.end();
    await networks.detach(a.sandbox.endpoint);
    await networks.detach(b.sandbox.endpoint);
  });

  describe("a port published on every address", () => {
    let web: { box: StandIn; sandbox: Sandbox };
    let client: { box: StandIn; sandbox: Sandbox };
    beforeAll(async () => {
      web = await container([tcp(8080), { ...tcp(8080), protocol: "udp" }]);
      client = await container();
      await web.box.serve(80);
    });
    afterAll(async () => {
      await web.box.end();
      await client.box.end();
      release(web.sandbox);
      await networks.detach(web.sandbox.endpoint);
      await networks.detach(client.sandbox.endpoint);
    });

    for (const protocol of ["tcp", "udp"] as const) {
      test(`${protocol}: from the host by 127.0.0.1 and by its address`, async () => {
        expect(await world.ask(protocol, "127.0.0.1", 8080)).toBe("from 172.17.0.1");
        expect(await world.ask(protocol, "10.99.0.1", 8080)).toStartWith("from ");
      });
      test(`${protocol}: from the LAN, which keeps its own address`, async () =>
        expect(await lan.ask(protocol, "10.99.0.1", 8080)).toBe("from 10.99.0.2"));
      test(`${protocol}: from another container by the host's addresses`, async () => {
        expect(await client.box.ask(protocol, "10.99.0.1", 8080)).toBe("from 172.17.0.1");
        expect(await client.box.ask(protocol, "172.17.0.1", 8080)).toBe("from 172.17.0.1");
      });
      for (const bridged of ["0", "1"])
        test(`${protocol}: from itself and from a neighbour with bridge-nf-call-iptables ${bridged}`, async () => {
          if (!existsSync(BRIDGE_FILTER)) return;
          writeFileSync(BRIDGE_FILTER, bridged);
          expect(await web.box.ask(protocol, "10.99.0.1", 8080)).toBe("from 172.17.0.1");
          expect(await client.box.ask(protocol, "10.99.0.1", 8080)).toBe("from 172.17.0.1");
        });
    }

    test("nft prints the table", () => {
      const text = world.must("nft", "list", "table", "inet", "gantry");
      expect(text).toContain(`tcp . 8080 : ${web.sandbox.endpoint.ipAddress} . 80`);
      expect(text).toContain("dnat ip to meta l4proto . ip daddr . th dport map @published");
    });

    test("a flushed ruleset is back within a second (attack 57)", async () => {
      world.must("nft", "flush", "ruleset");
      const start = performance.now();
      await until("the table", () => world.must("nft", "list", "ruleset").includes("8080"));
      expect(performance.now() - start).toBeLessThan(1000);
      expect(await world.ask("tcp", "127.0.0.1", 8080)).toBe("from 172.17.0.1");
    });

    test("a rule or an element that somebody removed is back within a second", async () => {
      world.must("nft", "flush", "chain", "inet", "gantry", "filter-forward");
      await until("the forward rules", () => world.must("nft", "list", "ruleset").includes('oifname "gantry0" drop'));
      world.must("nft", "flush", "map", "inet", "gantry", "published-any");
      await until("the element", () => world.must("nft", "list", "ruleset").includes("tcp . 8080"));
    });

    test("tables of others stay as they are", async () => {
      world.must("nft", "add", "table", "ip", "foreign");
      world.must("nft", "delete", "table", "inet", "gantry");
      await until("the table", () => world.must("nft", "list", "tables").includes("inet gantry"));
      expect(world.must("nft", "list", "tables")).toContain("table ip foreign");
    });

    test("a port that another container or a program of the host has is refused in Docker's words", async () => {
      expect(await refusal(networks.attach(request([tcp(8080)])))).toMatch(
        /^driver failed programming external connectivity on endpoint web \([0-9a-f]{64}\): Bind for 0\.0\.0\.0:8080 failed: port is already allocated$/,
      );
      const server = createServer();
      await new Promise<void>((resolve) => server.listen(8099, "127.0.0.1", resolve));
      expect(await refusal(networks.attach(request([tcp(8098), tcp(8099)])))).toMatch(
        "failed to bind host port 0.0.0.0:8099/tcp: address already in use",
      );
      await new Promise((resolve) => server.close(resolve));
      const again = await networks.attach(request([tcp(8098), tcp(8099)]));
      release(again);
      await networks.detach(again.endpoint);
      expect(await refusal(networks.attach(request([tcp(8097, "203.0.113.7")])))).toMatch(
        "failed to bind host port 203.0.113.7:8097/tcp: cannot assign requested address",
      );
    });
  });

  test("a port published on 127.0.0.1 is for this host only (attack 56)", async () => {
    const web = await container([tcp(8081, "127.0.0.1")]);
    const neighbour = await container();
    await web.box.serve(80);
    expect(await world.ask("tcp", "127.0.0.1", 8081)).toBe("from 172.17.0.1");
    // The neighbour on the LAN routes 127.0.0.1, and the bridge's subnet, to this host.
    await lan.run("sh", "-c", "echo 1 > /proc/sys/net/ipv4/conf/eth0/route_localnet");
    await lan.run("ip", "route", "replace", "127.0.0.1/32", "via", "10.99.0.1");
    await lan.run("ip", "route", "replace", "172.17.0.0/16", "via", "10.99.0.1");
    expect(await lan.ask("tcp", "127.0.0.1", 8081)).toStartWith("failed");
    expect(await lan.ask("tcp", "10.99.0.1", 8081)).toStartWith("failed");
    expect(await lan.ask("tcp", web.sandbox.endpoint.ipAddress, 80)).toStartWith("failed");
    expect(await neighbour.box.ask("tcp", "172.17.0.1", 8081)).toStartWith("failed");
    for (const { box, sandbox } of [web, neighbour]) {
      await box.end();
      release(sandbox);
      await networks.detach(sandbox.endpoint);
    }
  });

  test("a container does not reach the host's own loopback services through the bridge", async () => {
    const { box, sandbox } = await container();
    const server = createServer((socket) => socket.end("secret"));
    await new Promise<void>((resolve) => server.listen(8082, "127.0.0.1", resolve));
    await box.run("sh", "-c", "ip addr flush dev lo; echo 1 > /proc/sys/net/ipv4/conf/eth0/route_localnet");
    await box.run("ip", "route", "replace", "127.0.0.1/32", "via", "172.17.0.1");
    expect(await box.ask("tcp", "127.0.0.1", 8082)).toStartWith("failed");
    await new Promise((resolve) => server.close(resolve));
    await box.end();
    await networks.detach(sandbox.endpoint);
  });

  test("port 0 and ranges give free ports; detach takes the elements away", async () => {
    const range = { ...tcp(0), hostPortFirst: 8090, hostPortLast: 8091 };
    const sandboxes = [
      await networks.attach(request([tcp(0), range])),
      await networks.attach(request([tcp(0), range])),
    ];
    const ports = sandboxes.flatMap(({ endpoint }) => endpoint.ports.map(({ hostPort }) => hostPort));
    expect(new Set(ports).size).toBe(4);
    expect([ports[1], ports[3]]).toEqual([8090, 8091]);
    expect(await refusal(networks.attach(request([range])))).toMatch("all ports are allocated");
    expect(world.must("nft", "list", "map", "inet", "gantry", "published-any")).toContain(`tcp . ${ports[0]} :`);
    for (const sandbox of sandboxes) {
      release(sandbox);
      await networks.detach(sandbox.endpoint);
      await networks.detach(sandbox.endpoint);
    }
    expect(world.must("nft", "list", "map", "inet", "gantry", "published-any")).not.toContain("elements");
  });

  test("a restarted daemon takes over what runs and removes what belongs to nobody", async () => {
    const web = await container([tcp(8083)]);
    const lost = await container([tcp(8084)]);
    await web.box.serve(80);
    await networks.close();
    networks = make();
    await networks.restore([web.sandbox.endpoint]);
    expect(await world.ask("tcp", "127.0.0.1", 8083)).toBe("from 172.17.0.1");
    const table = world.must("nft", "list", "table", "inet", "gantry");
    expect(table).toContain("tcp . 8083");
    expect(table).not.toContain("tcp . 8084");
    expect(world.must("ip", "-o", "link", "show", "master", "gantry0").trim().split("\n")).toHaveLength(1);
    expect(await refusal(networks.attach(request([tcp(8083)])))).toMatch("port is already allocated");
    const next = await networks.attach(request());
    expect(next.endpoint.ipAddress).not.toBe(web.sandbox.endpoint.ipAddress);
    for (const { box, sandbox } of [web, lost]) {
      await box.end();
      release(sandbox);
    }
    await networks.detach(web.sandbox.endpoint);
    await networks.detach(next.endpoint);
    expect((await networks.get("bridge")).endpoints).toEqual([]);
  });

  test("a UDP flow that was opened before its port was published, or to an earlier container, comes through", async () => {
    const published: PortBinding = { ...tcp(8085), protocol: "udp" };
    expect(await lan.ask("udp", "10.99.0.1", 8085, 5555)).toStartWith("failed");
    for (let round = 0; round < 2; round++) {
      const { box, sandbox } = await container([published]);
      await box.serve(80);
      expect(await lan.ask("udp", "10.99.0.1", 8085, 5555)).toBe("from 10.99.0.2");
      await box.end();
      release(sandbox);
      await networks.detach(sandbox.endpoint);
    }
  });

  test("--icc=false keeps containers apart, with and without bridge-nf-call-iptables", async () => {
    await networks.close();
    networks = make({ interContainerCommunication: false });
    await networks.restore([]);
    const a = await container();
    const b = await container();
    await b.box.serve(80);
    for (const bridged of existsSync(BRIDGE_FILTER) ? ["1", "0"] : []) {
      writeFileSync(BRIDGE_FILTER, bridged);
      expect(await a.box.ask("tcp", b.sandbox.endpoint.ipAddress, 80)).toStartWith("failed");
    }
    expect(await a.box.ask("tcp", "10.99.0.2", 80)).toBe("from 10.99.0.1");
    for (const { box, sandbox } of [a, b]) {
      await box.end();
      await networks.detach(sandbox.endpoint);
    }
    await networks.close();
    networks = make();
    await networks.restore([]);
  });

  test("says so when another program's firewall drops forwarded packets", async () => {
    world.must("nft", "add", "table", "ip", "foreign");
    world.must("nft", "add", "chain", "ip", "foreign", "FWD", "{ type filter hook forward priority 0; policy drop; }");
    await networks.close();
    const lines: string[] = [];
    networks = make(
      {},
      createLogger("warn", (line) => void lines.push(line)),
    );
    await networks.restore([]);
    expect(lines.join("")).toContain('firewall chain \\"ip foreign FWD\\" drops forwarded packets');
    world.must("nft", "delete", "table", "ip", "foreign");
  });

  test("an existing bridge keeps its address; --bip and --fixed-cidr are followed", async () => {
    expect((await networks.get("bridge")).ipam.config).toEqual([{ subnet: "172.17.0.0/16", gateway: "172.17.0.1" }]);
    const other = make({ bridge: "other0", bip: "10.77.0.9/24", fixedCidr: "10.77.0.128/28" });
    const { endpoint } = await other.attach(request());
    expect([endpoint.ipAddress, endpoint.gateway, endpoint.prefixLength]).toEqual(["10.77.0.129", "10.77.0.9", 24]);
    expect(world.must("nft", "list", "tables")).toContain("table inet gantry-other0");
    await other.close();
    const again = make({ bridge: "other0" });
    expect((await again.get("bridge")).ipam.config).toEqual([{ subnet: "10.77.0.0/24", gateway: "10.77.0.9" }]);
    await again.close();
    const third = make({ bridge: "third0" });
    expect((await third.get("bridge")).ipam.config[0]?.subnet).toBe("172.18.0.0/16");
    await third.close();
  });

  test("500 attachments with a port each take well under a millisecond apiece", async () => {
    const start = performance.now();
    const sandboxes: Sandbox[] = [];
    for (let index = 0; index < 500; index++) sandboxes.push(await networks.attach(request([tcp(0)])));
    const perAttachMs = (performance.now() - start) / 500;
    expect(new Set(sandboxes.map(({ endpoint }) => endpoint.ipAddress)).size).toBe(500);
    for (const sandbox of sandboxes) {
      release(sandbox);
      await networks.detach(sandbox.endpoint);
    }
    expect(perAttachMs).toBeLessThan(5);
  });
});
