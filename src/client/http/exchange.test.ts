import { describe, expect, test } from "bun:test";
import { readBody, readHead } from "./exchange.ts";
import { bodyFraming, parseResponseHead } from "./response-head.ts";

/** A connection that gives the text in pieces of `size` bytes. */
function pieces(text: string, size: number) {
  const queue: Uint8Array[] = [];
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += size) queue.push(bytes.subarray(at, at + size));
  return {
    read: async () => queue.shift(),
    unread: (chunk: Uint8Array) => void (chunk.length > 0 && queue.unshift(chunk)),
  };
}

async function exchange(text: string, size: number, method = "GET"): Promise<string> {
  const connection = pieces(text, size);
  const head = await readHead(connection);
  let body = "";
  for await (const chunk of readBody(connection, method, head)) body += Buffer.from(chunk).toString();
  return `${head.status} ${body}`;
}

describe("an answer", () => {
  for (const size of [1, 2, 3, 7, 1000]) {
    test(`is read whatever way it was cut (${size} bytes)`, async () => {
      expect(await exchange("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhellorest", size)).toBe("200 hello");
      const chunked = "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n3;x=y\r\n wo\r\n0\r\nTrailer: 1\r\n\r\n";
      expect(await exchange(`HTTP/1.1 200 OK\r\n${chunked}`, size)).toBe("200 hello wo");
      expect(await exchange("HTTP/1.1 200 OK\r\n\r\nto the end", size)).toBe("200 to the end");
      expect(await exchange("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n", size)).toBe("204 ");
    });
  }

  test("that ends too early is an error", async () => {
    expect(exchange("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel", 100)).rejects.toThrow("unexpected EOF");
    expect(exchange("HTTP/1.1 200", 100)).rejects.toThrow("unexpected EOF in the response head");
    expect(exchange("", 100)).rejects.toThrow("EOF");
  });

  test("that is not HTTP, or without an end, is refused", async () => {
    expect(exchange("SSH-2.0-x\r\n\r\n", 100)).rejects.toThrow("malformed HTTP response");
    expect(exchange(`HTTP/1.1 200 OK\r\n${"a".repeat(100_000)}`, 5000)).rejects.toThrow("head is too long");
    expect(exchange("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", 100)).rejects.toThrow(
      "malformed chunk size",
    );
  });
});

test("204, 304, 1xx and HEAD have no body", () => {
  const head = (status: number) => parseResponseHead(`HTTP/1.1 ${status} X\r\nContent-Length: 5`);
  for (const status of [101, 204, 304]) expect(bodyFraming("GET", head(status))).toEqual({ kind: "none" });
  expect(bodyFraming("HEAD", head(200))).toEqual({ kind: "none" });
  expect(bodyFraming("GET", head(200))).toEqual({ kind: "length", bytes: 5 });
});
