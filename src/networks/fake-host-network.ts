import type { HostNetwork } from "./host-network.ts";

/** A kernel in memory for tests of decisions: it remembers what it was told, and refuses the rules when `refuse` is set. */
export interface FakeHostNetwork extends HostNetwork {
  /** Comments of rule batches and link changes, in order. */
  calls: string[];
  sysctls: Map<string, string>;
  /** Routes of the host, as `10.0.0.0/8` parsed. */
  hostRoutes: ReturnType<HostNetwork["routes"]>;
  refuse: Error | undefined;
}

export function createFakeHostNetwork(): FakeHostNetwork {
  const bridges = new Map<string, number>();
  let changes = 0;
  const fake: FakeHostNetwork = {
    calls: [],
    sysctls: new Map(),
    hostRoutes: [],
    refuse: undefined,
    interfaceIndex: (name) => bridges.get(name) ?? 0,
    links: () => [],
    addressOf: () => undefined,
    routes: () => fake.hostRoutes,
    createBridge(name) {
      bridges.set(name, bridges.size + 2);
      fake.calls.push(`create ${name}`);
    },
    raiseBridge: (name) => void fake.calls.push(`raise ${name}`),
    deleteLink: (index) => void fake.calls.push(`delete ${index}`),
    readSysctl: (key) => fake.sysctls.get(key) ?? "",
    writeSysctl: (key, value) => void fake.sysctls.set(key, value),
    applyRules(_, comment) {
      const { refuse } = fake;
      fake.refuse = undefined;
      if (refuse !== undefined) throw refuse;
      changes++;
      fake.calls.push(comment);
    },
    ruleGeneration: () => changes,
    dumpRules: () => ({ chains: [], rules: [], maps: [], elements: [] }),
    droppingForwardChains: () => [],
    udpFlows: () => [],
    forgetFlow: () => undefined,
    close: () => undefined,
  };
  return fake;
}
