import { describe, expect, test } from "bun:test";
import { listAttributes, parseAttributes, parseError, parseMessages, textOf } from "./message-reader.ts";
import { MessageWriter } from "./message-writer.ts";

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

describe("MessageWriter", () => {
  test("writes lengths, numbers the messages and pads attributes to four bytes", () => {
    const writer = new MessageWriter();
    writer.begin(16, 5).u32(7).attribute(3, Buffer.from("abc")).end();
    writer.begin(17, 1).end();
    expect(hex(writer.finish())).toBe(
      "1c000000100005000100000000000000" + "07000000" + "0700030061626300" + "10000000110001000200000000000000",
    );
    expect(writer.count).toBe(2);
  });

  test("marks nested attributes and gives them the length of what they hold", () => {
    const writer = new MessageWriter().begin(1, 0);
    writer.nest(18, (info) => info.attributeString(1, "veth").nest(2, () => undefined)).end();
    expect(hex(writer.finish().slice(16))).toBe("14001280" + "090001007665746800000000" + "04000280");
  });

  test("grows without limit but refuses an attribute that its length field cannot hold", () => {
    const writer = new MessageWriter().begin(1, 0).attribute(1, new Uint8Array(60_000)).end();
    expect(writer.finish().length).toBe(16 + 60_004);
    expect(() => writer.attribute(1, new Uint8Array(70_000))).toThrow(RangeError);
    expect(() =>
      writer.nest(1, (list) => list.attribute(1, new Uint8Array(40_000)).attribute(1, new Uint8Array(40_000))),
    ).toThrow(RangeError);
  });
});

describe("parsing", () => {
  test("gives back what was written", () => {
    const bytes = new MessageWriter().begin(16, 0, 9).attributeString(3, "eth0").attributeU32(4, 1500).end().finish();
    const [message, ...rest] = parseMessages(bytes);
    expect(rest).toEqual([]);
    expect(message).toMatchObject({ type: 16, sequence: 9 });
    const attributes = parseAttributes(message?.payload ?? Buffer.alloc(0));
    expect(textOf(attributes.get(3))).toBe("eth0");
    expect(attributes.get(4)?.readUInt32LE(0)).toBe(1500);
  });

  test.each(["", "ff", "ffffffff1000000000000000000000000000", "04000000100000000000000000000000"])(
    "of a malformed datagram %p yields no message",
    (text) => expect(parseMessages(Buffer.from(text, "hex"))).toEqual([]),
  );

  test.each(["0000", "00000100", "ffff0100aa"])("of malformed attributes %p yields none", (text) =>
    expect(listAttributes(Buffer.from(text, "hex"))).toEqual([]),
  );

  test("an error's explanation follows the echoed header", () => {
    const payload = new MessageWriter().u32(-17).bytes(Buffer.alloc(16)).attributeString(1, "already there").finish();
    const message = { type: 2, flags: 0x300, sequence: 1, payload: Buffer.from(payload) };
    expect(parseError(message)).toEqual({ errno: 17, explanation: "already there" });
    expect(parseError({ ...message, payload: Buffer.alloc(4), flags: 0 })).toEqual({ errno: 0, explanation: "" });
  });
});
