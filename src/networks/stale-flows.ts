import { messageOf } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import type { Flow } from "../kernel/netlink/conntrack-messages.ts";
import type { HostNetwork } from "./host-network.ts";
import { type Ipv4, ipv4FromBytes } from "./ipv4.ts";
import type { Forwarding } from "./ruleset.ts";

/**
 * Makes the kernel forget UDP flows that would outlive a change of published ports: a flow is translated as it was when its
 * first packet came, for as long as packets keep coming (moby#8795). Later, in a turn of its own: a container need not wait.
 */
export function forgetStaleFlows(host: HostNetwork, forwardings: Forwarding[], published: boolean, log: Logger): void {
  const datagrams = forwardings.filter(({ protocol }) => protocol === "udp");
  if (datagrams.length === 0) return;
  setImmediate(() => {
    try {
      for (const forwarding of datagrams)
        for (const flow of host.udpFlows(forwarding.hostPort))
          if (isStale(flow, forwarding, published)) host.forgetFlow(flow);
    } catch (error) {
      log.debug("cannot look for stale flows", { error: messageOf(error) });
    }
  });
}

/** Just published: flows to the port that go nowhere else. Taken back: flows that still go to the container. */
export function isStale(flow: Flow, forwarding: Forwarding, published: boolean): boolean {
  const { hostAddress, containerAddress } = forwarding;
  if (!published) return is(flow.answeredBy, containerAddress);
  const isTranslated = !is(flow.answeredBy, ipv4FromBytes(flow.to)) || !is(flow.answeredTo, ipv4FromBytes(flow.from));
  return !isTranslated && (hostAddress === 0 || is(flow.to, hostAddress));
}

function is(bytes: Uint8Array, address: Ipv4): boolean {
  return ipv4FromBytes(bytes) === address;
}
