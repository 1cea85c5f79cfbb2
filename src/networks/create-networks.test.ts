import { describe, expect, test } from "bun:test";
import { createSystemClock } from "../base/clock.ts";
import { messageOf } from "../base/errors.ts";
import { silentLogger } from "../base/logger.ts";
import { createNetworks } from "./create-networks.ts";
import { createFakeHostNetwork, type FakeHostNetwork } from "./fake-host-network.ts";
import { parseCidr } from "./ipv4.ts";
import { createMemoryNetworkRecords, type NetworkRecords } from "./network-records.ts";
import type { AttachmentRequest, Networks, PortBinding } from "./networks.ts";

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

interface Made {
  networks: Networks;
  host: FakeHostNetwork;
  closedFds: number[];
}

function make(
  options: Partial<typeof OPTIONS> = {},
  records: NetworkRecords = createMemoryNetworkRecords(),
  host = createFakeHostNetwork(),
): Made {
  const closedFds: number[] = [];
  const ports = {
    reserve: (_: string, __: Uint8Array, port: number) => port,
    close: (fd: number) => void closedFds.push(fd),
  };
  const networks = createNetworks({
    records,
    options: { ...OPTIONS, ...options },
    clock: createSystemClock(),
    log: silentLogger,
    host,
    ports,
  });
  return { networks, host, closedFds };
}

const WEB: PortBinding = { containerPort: 80, protocol: "tcp", hostIp: "", hostPortFirst: 80, hostPortLast: 80 };

function request(changes: Partial<AttachmentRequest> = {}): AttachmentRequest {
  const endpoint = { aliases: [], links: [], driverOptions: {} };
  return {
    containerId: "c".repeat(64),
    containerName: "web",
    network: "bridge",
    endpoint,
    portBindings: [],
    ...changes,
  };
}

async function refusal(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
    return "";
  } catch (error) {
    return messageOf(error);
  }
}

describe("the predefined networks", () => {
  test("are bridge, host and none, with Docker's drivers", async () => {
    const { networks } = make();
    const list = await networks.list({});
    expect(list.map(({ name, driver }) => [name, driver])).toEqual([
      ["bridge", "bridge"],
      ["host", "host"],
      ["none", "null"],
    ]);
    expect(list[0]?.options["com.docker.network.bridge.name"]).toBe("gantry0");
    await networks.close();
  });

  test("keep their IDs, dates and subnet; a subnet that the host now routes is given up", async () => {
    const records = createMemoryNetworkRecords();
    const host = createFakeHostNetwork();
    host.hostRoutes = [parseCidr("172.17.0.0/16").subnet];
    const before = await make({}, records, host).networks.list({});
    host.hostRoutes = [];
    const after = await make({}, records, host).networks.list({});
    expect(after).toEqual(before);
    expect(after[0]?.ipam.config[0]?.subnet).toBe("172.18.0.0/16");
    host.hostRoutes = [parseCidr("172.18.5.0/24").subnet];
    const moved = await make({}, records, host).networks.get("bridge");
    expect([moved.id, moved.ipam.config[0]?.subnet]).toEqual([before[0]?.id ?? "", "172.17.0.0/16"]);
  });

  test("are found by name, ID and start of an ID", async () => {
    const { networks } = make();
    const { id } = await networks.get("none");
    expect((await networks.get(id)).name).toBe("none");
    expect((await networks.get(id.slice(0, 20))).name).toBe("none");
    expect(await refusal(networks.get("nowhere"))).toBe("network nowhere not found");
    expect(await refusal(networks.get(""))).toBe("network  not found");
  });

  const filters: [Record<string, string[]>, string[]][] = [
    [{ name: ["o"] }, ["host", "none"]],
    [{ driver: ["bridge", "null"] }, ["bridge", "none"]],
    [{ type: ["custom"] }, []],
    [{ type: ["builtin"], scope: ["local"], name: ["br"] }, ["bridge"]],
    [{ dangling: ["true"] }, []],
    [{ label: ["a"] }, []],
  ];
  test.each(filters)("filtered by %j", async (filter, expected) => {
    expect((await make().networks.list(filter)).map(({ name }) => name)).toEqual(expected);
  });
  test("refuse unknown filters", async () =>
    expect(await refusal(make().networks.list({ colour: ["red"] }))).toBe("invalid filter 'colour'"));
});

describe("attach", () => {
  test("makes the bridge once, with its sysctls set before it is raised", async () => {
    const { networks, host } = make();
    await networks.attach(request());
    await networks.attach(request());
    expect(host.calls).toEqual(["create gantry0", "raise gantry0", "installing table gantry"]);
    expect(Object.fromEntries(host.sysctls)).toMatchObject({
      "ipv4/ip_forward": "1",
      "ipv4/conf/gantry0/route_localnet": "1",
      "ipv6/conf/gantry0/disable_ipv6": "1",
    });
    await networks.close();
  });

  test("shows the endpoint with the network until it is detached", async () => {
    const { networks } = make();
    const { endpoint } = await networks.attach(request({ portBindings: [WEB] }));
    expect(endpoint).toMatchObject({
      ipAddress: "172.17.0.2",
      macAddress: "02:42:ac:11:00:02",
      ports: [{ containerPort: 80, protocol: "tcp", hostIp: "0.0.0.0", hostPort: 80 }],
    });
    expect((await networks.get("bridge")).endpoints).toEqual([endpoint]);
    await networks.detach(endpoint);
    expect((await networks.get("bridge")).endpoints).toEqual([]);
    await networks.close();
  });

  test("leaves nothing behind when a later port is taken", async () => {
    const { networks, closedFds } = make();
    const other: PortBinding = { ...WEB, hostPortFirst: 81, hostPortLast: 81 };
    await networks.attach(request({ portBindings: [WEB] }));
    expect(await refusal(networks.attach(request({ portBindings: [other, WEB] })))).toMatch(
      /^driver failed programming external connectivity on endpoint web \([0-9a-f]{64}\): Bind for 0\.0\.0\.0:80 failed: port is already allocated$/,
    );
    expect(closedFds).toEqual([81]);
    expect((await networks.attach(request({ portBindings: [other] }))).endpoint.ipAddress).toBe("172.17.0.4");
    await networks.close();
  });

  test("installs the whole table when an element is refused", async () => {
    const { networks, host } = make();
    await networks.restore([]);
    host.refuse = new Error("no such table");
    await networks.attach(request({ portBindings: [WEB] }));
    expect(host.calls.at(-1)).toBe("installing table gantry");
    await networks.close();
  });

  const wrong: [string, Partial<AttachmentRequest>, string][] = [
    [
      "an address of one's own",
      { endpoint: { ipv4Address: "172.17.0.9", aliases: [], links: [], driverOptions: {} } },
      "user specified IP address is supported on user defined networks only",
    ],
    [
      "a MAC address that is none",
      { endpoint: { macAddress: "zz:1", aliases: [], links: [], driverOptions: {} } },
      "zz:1 is not a valid mac address",
    ],
    ["an unknown network", { network: "nowhere" }, "network nowhere not found"],
    [
      "an IPv6 address to publish on",
      { portBindings: [{ ...WEB, hostIp: "::1" }] },
      "cannot publish on ::1: this network has IPv4 addresses only",
    ],
  ];
  test.each(wrong)("refuses %s", async (_, changes, message) => {
    expect(await refusal(make().networks.attach(request(changes)))).toBe(message);
  });

  test("gives `none` a loopback and `host` nothing", async () => {
    const { networks } = make();
    const none = await networks.attach(request({ network: "none" }));
    const host = await networks.attach(request({ network: "host" }));
    expect([none.containerMessages.acks, none.hostMessages.acks]).toEqual([1, 0]);
    expect([host.containerMessages.acks, host.endpoint.ipAddress]).toEqual([0, ""]);
    expect((await networks.get("none")).endpoints).toHaveLength(1);
    await networks.detach(none.endpoint);
    expect((await networks.get("none")).endpoints).toHaveLength(0);
  });
});

test("restore() takes over addresses and ports, and survives a record that contradicts another", async () => {
  const records = createMemoryNetworkRecords();
  const { networks } = make({}, records);
  const { endpoint } = await networks.attach(request({ portBindings: [WEB] }));
  const next = make({}, records);
  await next.networks.restore([endpoint, { ...endpoint, endpointId: "d".repeat(64) }]);
  expect((await next.networks.get("bridge")).endpoints).toEqual([endpoint]);
  expect(await refusal(next.networks.attach(request({ portBindings: [WEB] })))).toContain("port is already allocated");
  expect((await next.networks.attach(request())).endpoint.ipAddress).toBe("172.17.0.4");
  await networks.close();
  await next.networks.close();
});

test.each(["", "a/b", "../x", "a bridge", "longer-than-15-chars"])("%p is not a bridge name", (bridge) =>
  expect(() => make({ bridge })).toThrow(`invalid bridge name: ${bridge}`),
);
