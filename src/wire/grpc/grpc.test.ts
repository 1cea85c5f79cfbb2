import { describe, expect, test } from "bun:test";
import { conflict, EngineError, invalid, notFound } from "../../base/errors.ts";
import { encodeGrpcFrame, GrpcFrames, MAX_MESSAGE_BYTES } from "./frames.ts";
import { encodeMetadata } from "./metadata.ts";
import { decodeStatusMessage, encodeStatusMessage, errorOfStatus, GRPC, grpcStatus, parseTimeoutMs } from "./status.ts";

describe("frames", () => {
  const messages = ["", "a", "b".repeat(70_000), "c"].map((text) => Buffer.from(text));
  const stream = Buffer.concat(messages.map(encodeGrpcFrame));

  test.each([1, 2, 3, 4, 5, 6, 7, 1000, stream.byteLength])("are cut the same in chunks of %d bytes", (size) => {
    const frames = new GrpcFrames();
    const found: string[] = [];
    for (let at = 0; at < stream.byteLength; at += size) {
      for (const message of frames.push(stream.subarray(at, at + size))) found.push(Buffer.from(message).toString());
    }
    frames.end();
    expect(found).toEqual(messages.map(String));
  });

  test("a frame has five bytes before its message", () => {
    expect(Buffer.from(encodeGrpcFrame(Buffer.from("ab"))).toString("hex")).toBe("00000000026162");
  });

  const refused: [what: string, head: number[], kind: string][] = [
    ["compressed ones", [1, 0, 0, 0, 0], "not-implemented"],
    ["one that is too long", [0, 0xff, 0, 0, 0], "invalid-argument"],
    ["one a byte too long", [0, 1, 0, 0, 1], "invalid-argument"],
  ];
  test.each(refused)("%s are refused by their first bytes", (_, head, kind) => {
    expect(MAX_MESSAGE_BYTES).toBe(2 ** 24);
    let thrown: unknown;
    try {
      for (const _message of new GrpcFrames().push(Uint8Array.from(head))) continue;
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toMatchObject({ kind });
  });

  test("an end within a frame is refused", () => {
    const frames = new GrpcFrames();
    for (const _message of frames.push(Uint8Array.of(0, 0, 0, 0, 2, 1))) continue;
    expect(() => frames.end()).toThrow("the stream ended within a message");
  });
});

describe("status", () => {
  const kinds: [what: string, error: unknown, code: number][] = [
    ["what is wrong", invalid("x"), GRPC.invalidArgument],
    ["what is not there", notFound("image", "x"), GRPC.notFound],
    ["what is taken", conflict("x"), GRPC.alreadyExists],
    ["what is away", new EngineError("unavailable", "x"), GRPC.unavailable],
    ["what we cannot", new EngineError("not-implemented", "x"), GRPC.unimplemented],
    ["a bug", new TypeError("x"), GRPC.unknown],
  ];
  test.each(kinds)("%s", (_, error, code) => expect(grpcStatus(error).code).toBe(code));

  test("a peer's status is an error of the same kind", () => {
    expect(errorOfStatus(5, "gone")).toMatchObject({ kind: "not-found", message: "gone" });
    expect(errorOfStatus(99, "")).toMatchObject({ kind: "internal", message: "gRPC status 99" });
  });

  test.each(["plain text", "50 %", "two\nlines", "ümlaut 世界", ""])("the text %j survives a header", (text) => {
    const encoded = encodeStatusMessage(text);
    expect(encoded).toMatch(/^[\x20-\x7e]*$/);
    expect(decodeStatusMessage(encoded)).toBe(text);
  });

  test("what is not encoded as it should be stays as it is", () => expect(decodeStatusMessage("50%")).toBe("50%"));

  const timeouts: [text: string | undefined, ms: number | undefined][] = [
    ["5S", 5000],
    ["100m", 100],
    ["1u", 1],
    ["2H", 7_200_000],
    ["99999999n", 100],
    ["123456789S", undefined],
    ["5", undefined],
    ["-5S", undefined],
    ["", undefined],
    [undefined, undefined],
  ];
  test.each(timeouts)("grpc-timeout %p is %p ms", (text, ms) => expect(parseTimeoutMs(text)).toBe(ms));
});

test("metadata that no header can hold is escaped, all values of its name", () => {
  expect(encodeMetadata({ plain: ["a b", "50%"], odd: ["a", "ü,", "x\n"], edge: [" x"], none: [] })).toEqual({
    plain: ["a b", "50%"],
    odd: ["a", "%C3%BC%2C", "x%0A"],
    "odd-encoded": ["1"],
    edge: ["%20x"],
    "edge-encoded": ["1"],
  });
});
