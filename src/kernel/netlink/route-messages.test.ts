import { expect, test } from "bun:test";
import { parseAttributes, parseMessages, textOf } from "./message-reader.ts";
import { MessageWriter } from "./message-writer.ts";
import { addAddress, addDefaultRoute, addVethPair, parseLink, parseRoute, setLinkUp } from "./route-messages.ts";

/** Compares with the bytes that iproute2 sends for the same command, sequence number apart. */
function check(fill: (writer: MessageWriter) => void, expected: string): void {
  const writer = new MessageWriter();
  fill(writer);
  const bytes = Buffer.from(writer.finish());
  bytes.writeUInt32LE(0, 8);
  expect(bytes.toString("hex")).toBe(expected.replaceAll(/\s/g, ""));
}

test("`ip addr add 172.17.0.1/16 brd +` on interface 2", () =>
  check(
    (writer) =>
      addAddress(writer, 2, {
        address: Uint8Array.of(172, 17, 0, 1),
        prefixLength: 16,
        broadcast: Uint8Array.of(172, 17, 255, 255),
      }),
    `30000000 14000506 00000000 00000000 02100000 02000000
     08000200 ac110001 08000100 ac110001 08000400 ac11ffff`,
  ));

test("`ip route add default via 172.17.0.9` on interface 2", () =>
  check(
    (writer) => addDefaultRoute(writer, 2, Uint8Array.of(172, 17, 0, 9)),
    `2c000000 18000506 00000000 00000000 02000000 fe030001 00000000
     08000500 ac110009 08000400 02000000`,
  ));

test("`ip link set up` on interface 1", () =>
  check((writer) => setLinkUp(writer, 1), "20000000 10000500 00000000 00000000 00000000 01000000 01000000 01000000"));

test("addVethPair() says where the pid goes", () => {
  const writer = new MessageWriter();
  const at = addVethPair(writer, {
    hostName: "gveth1234567",
    hostIndex: 100,
    bridgeIndex: 5,
    peerName: "eth0",
    peerIndex: 101,
    peerMac: Uint8Array.of(2, 0x42, 0xac, 0x11, 0, 2),
    mtu: 1400,
  });
  const bytes = Buffer.from(writer.finish());
  bytes.writeUInt32LE(4242, at);
  const [message] = parseMessages(bytes);
  if (message === undefined) throw new Error("no message");
  expect(parseLink(message)).toEqual({
    index: 100,
    name: "gveth1234567",
    up: true,
    master: 5,
    kind: "veth",
    mac: "",
  });
  const info = parseAttributes(parseAttributes(message.payload, 16).get(18) ?? Buffer.alloc(0));
  const peer = parseAttributes(info.get(2) ?? Buffer.alloc(0)).get(1) ?? Buffer.alloc(0);
  expect(peer.readInt32LE(4)).toBe(101);
  const attributes = parseAttributes(peer, 16);
  expect(textOf(attributes.get(3))).toBe("eth0");
  expect(attributes.get(19)?.readUInt32LE(0)).toBe(4242);
  expect(attributes.get(4)?.readUInt32LE(0)).toBe(1400);
});

test("parseRoute() leaves out other tables than main", () => {
  const route = (table: number) => ({
    type: 24,
    flags: 0,
    sequence: 0,
    payload: Buffer.from([2, 16, 0, 0, table, 2, 0, 1, 0, 0, 0, 0, 8, 0, 1, 0, 172, 17, 0, 0, 8, 0, 4, 0, 3, 0, 0, 0]),
  });
  expect(parseRoute(route(254))).toEqual({
    destination: Buffer.from([172, 17, 0, 0]),
    prefixLength: 16,
    interfaceIndex: 3,
  });
  expect(parseRoute(route(255))).toBeUndefined();
});
