import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { createNetworkRecords, NETWORK_MIGRATION } from "./networks.ts";

function open() {
  const database = new Database(":memory:", { strict: true });
  for (const statement of NETWORK_MIGRATION) database.run(statement);
  return createNetworkRecords<{ id: string; name: string; createdAt: Date; labels: Record<string, string> }>(database);
}

const BRIDGE = { id: "a1", name: "bridge", createdAt: new Date("2026-01-02T03:04:05.678Z"), labels: { x: "1" } };

test("a record comes back as it was put, dates included", () => {
  const records = open();
  records.put(BRIDGE);
  expect(records.list()).toEqual([BRIDGE]);
});

test("put() replaces the record of the same ID; names are unique", () => {
  const records = open();
  records.put(BRIDGE);
  records.put({ ...BRIDGE, labels: {} });
  expect(records.list()).toEqual([{ ...BRIDGE, labels: {} }]);
  expect(() => records.put({ ...BRIDGE, id: "b2" })).toThrow("UNIQUE");
  records.remove("a1");
  expect(records.list()).toEqual([]);
});
