import { randomId } from "../base/ids.ts";
import type { BridgeOptions, BridgePlan } from "./default-bridge.ts";
import { formatIpv4, formatSubnet, parseCidr, type Subnet } from "./ipv4.ts";
import type { NetworkRecord, NetworkRecords } from "./network-records.ts";

/** Drivers of the three networks that are always there, by name. */
const PREDEFINED = { bridge: "bridge", host: "host", none: "null" } as const;
export type PredefinedName = keyof typeof PREDEFINED;

export function isPredefined(name: string): name is PredefinedName {
  return Object.hasOwn(PREDEFINED, name);
}

/** The subnet that the default bridge had when it was last planned. */
export function lastSubnet(records: NetworkRecords): Subnet | undefined {
  const config = records.list().find(({ name }) => name === "bridge")?.ipam.config[0];
  return config === undefined ? undefined : parseCidr(config.subnet).subnet;
}

/** The records of `bridge`, `host` and `none`: kept ones keep their IDs and dates, the bridge's addresses and options are brought up to date. */
export function preparePredefined(
  records: NetworkRecords,
  plan: BridgePlan,
  options: BridgeOptions,
  now: Date,
): NetworkRecord[] {
  const kept = records.list();
  return (Object.keys(PREDEFINED) as PredefinedName[]).map((name) => {
    const old = kept.find((record) => record.name === name);
    const record: NetworkRecord = {
      id: old?.id ?? randomId(),
      name,
      driver: PREDEFINED[name],
      scope: "local",
      createdAt: old?.createdAt ?? now,
      internal: false,
      enableIpv6: false,
      ipam: {
        driver: "default",
        config:
          name === "bridge" ? [{ subnet: formatSubnet(plan.subnet), gateway: formatIpv4(plan.containerGateway) }] : [],
      },
      options: name === "bridge" ? bridgeOptions(options) : {},
      labels: {},
    };
    if (JSON.stringify(old) !== JSON.stringify(record)) records.put(record);
    return record;
  });
}

function bridgeOptions(options: BridgeOptions): Record<string, string> {
  return {
    "com.docker.network.bridge.default_bridge": "true",
    "com.docker.network.bridge.enable_icc": String(options.interContainerCommunication),
    "com.docker.network.bridge.enable_ip_masquerade": "true",
    "com.docker.network.bridge.host_binding_ipv4": options.publishAddress,
    "com.docker.network.bridge.name": options.bridge,
    "com.docker.network.driver.mtu": String(options.mtu),
  };
}
