import { createSystemClock } from "../../src/base/clock.ts";
import { silentLogger } from "../../src/base/logger.ts";
import { createNetworks } from "../../src/networks/create-networks.ts";
import { createMemoryNetworkRecords } from "../../src/networks/network-records.ts";
import type { Networks } from "../../src/networks/networks.ts";

/** The default networks on the "host" in which this process is (see `World`). The caller closes them. */
export async function openWorldNetworks(): Promise<Networks> {
  const networks = createNetworks({
    records: createMemoryNetworkRecords(),
    options: {
      bridge: "gantry0",
      bip: "",
      fixedCidr: "",
      defaultGateway: "",
      mtu: 1500,
      interContainerCommunication: true,
      publishAddress: "0.0.0.0",
      ipForward: true,
    },
    clock: createSystemClock(),
    log: silentLogger,
  });
  await networks.restore([]);
  return networks;
}
