import type { Network } from "./networks.ts";

/** What is kept of a network between runs of the daemon; attachments are re-learnt from the containers. */
export type NetworkRecord = Omit<Network, "endpoints">;

/** Where networks are kept. Calls are synchronous and durable when they return. */
export interface NetworkRecords {
  list(): NetworkRecord[];
  /** Replaces the record with the same ID. */
  put(record: NetworkRecord): void;
  remove(id: string): void;
}

export function createMemoryNetworkRecords(): NetworkRecords {
  const records = new Map<string, NetworkRecord>();
  return {
    list: () => [...records.values()].map((record) => structuredClone(record)),
    put: (record) => void records.set(record.id, structuredClone(record)),
    remove: (id) => void records.delete(id),
  };
}
