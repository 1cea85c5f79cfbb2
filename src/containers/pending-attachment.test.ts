import { expect, test } from "bun:test";
import { Duplex, PassThrough } from "node:stream";
import { PendingAttachment } from "./pending-attachment.ts";

const WANTED = { stdin: false, stdout: true, stderr: true };

async function outputOf(attachment: PendingAttachment): Promise<string> {
  const pieces: Uint8Array[] = [];
  for await (const piece of attachment) pieces.push(piece as Uint8Array);
  return Buffer.concat(pieces).toString();
}

test("output of the task reaches the client that attached before the start", async () => {
  const attachment = new PendingAttachment(WANTED);
  const source = new PassThrough();
  attachment.connect(source);
  source.end("hello");
  expect(await outputOf(attachment)).toBe("hello");
});

test("a task whose streams were closed before they were joined ends the client's stream", async () => {
  const attachment = new PendingAttachment(WANTED);
  const source = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() });
  source.destroy();
  await new Promise((resolve) => source.once("close", resolve));
  attachment.connect(source);
  expect(await outputOf(attachment)).toBe("");
});

test("a task whose output had been read to its end before ends the client's stream", async () => {
  const attachment = new PendingAttachment(WANTED);
  const source = new PassThrough();
  source.end();
  source.resume();
  await new Promise((resolve) => source.once("end", resolve));
  attachment.connect(source);
  expect(await outputOf(attachment)).toBe("");
});

test("a start that did not happen ends the stream without a byte", async () => {
  const attachment = new PendingAttachment(WANTED);
  attachment.abandon();
  expect(await outputOf(attachment)).toBe("");
});
