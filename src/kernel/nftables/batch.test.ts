import { expect, test } from "bun:test";
import { parseMessages } from "../netlink/message-reader.ts";
import { NftBatch } from "./batch.ts";
import { dnat, isIpv4, loadDestinationPort, loadMeta, lookup } from "./expressions.ts";

/** Payloads after nfgenmsg, as nft(8) 1.0.6 sends them for the same object; set IDs and user data apart. */
function check(build: (batch: NftBatch) => void, expected: string): void {
  const batch = new NftBatch("t");
  build(batch);
  const [begin, object, end] = parseMessages(batch.finish());
  expect([begin?.type, end?.type]).toEqual([0x10, 0x11]);
  expect(begin?.payload.toString("hex")).toBe("0000000a");
  expect(object?.payload.subarray(4).toString("hex")).toBe(expected.replaceAll(/\s/g, ""));
}

test("a base chain", () =>
  check(
    (batch) => batch.chain("c", { type: "nat", hook: "output", priority: -100 }),
    `06000100 74000000 06000300 63000000 14000480 08000100 00000003 08000200 ffffff9c
     08000500 00000001 08000700 6e617400`,
  ));

test("a map of concatenations", () =>
  check(
    (batch) => batch.map("m", ["inet_proto", "inet_service"], ["ipv4_addr", "inet_service"], 1),
    `06000100 74000000 06000200 6d000000 08000300 00000008 08000400 0000030d 08000500 00000008
     08000600 000001cd 08000700 00000008 08000a00 00000001`,
  ));

test("an element: tcp . 80 : 172.17.0.2 . 8080", () =>
  check(
    (batch) =>
      batch.addElements("m", [
        { key: Uint8Array.of(6, 0, 0, 0, 0, 80, 0, 0), data: Uint8Array.of(172, 17, 0, 2, 31, 144, 0, 0) },
      ]),
    `06000100 74000000 06000200 6d000000 28000380 24000180
     10000180 0c000100 06000000 00500000 10000280 0c000100 ac110002 1f900000`,
  ));

test("a rule: meta nfproto ipv4 dnat ip to meta l4proto . th dport map @m", () =>
  check(
    (batch) =>
      batch.rule("c", [...isIpv4, loadMeta("l4proto"), loadDestinationPort(9), lookup("m", { mapped: true }), dnat()]),
    `06000100 74000000 06000200 63000000 08010480
     24000180 09000100 6d657461 00000000 14000280 08000200 0000000f 08000100 00000001
     2c000180 08000100 636d7000 20000280 08000100 00000001 08000200 00000000 0c000380 05000100 02000000
     24000180 09000100 6d657461 00000000 14000280 08000200 00000010 08000100 00000001
     34000180 0c000100 7061796c 6f616400 24000280 08000100 00000009 08000200 00000002 08000300 00000002 08000400 00000002
     2c000180 0b000100 6c6f6f6b 75700000 1c000280 08000200 00000001 08000300 00000001 06000100 6d000000
     30000180 08000100 6e617400 24000280 08000100 00000001 08000200 00000002 08000300 00000001 08000500 00000009`,
  ));

test("thousands of elements are split over messages", () => {
  const element = { key: new Uint8Array(8), data: new Uint8Array(8) };
  const batch = new NftBatch("t").addElements(
    "m",
    Array.from({ length: 1000 }, () => element),
  );
  expect(parseMessages(batch.finish())).toHaveLength(2 + 3);
});
