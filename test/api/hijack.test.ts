import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { EchoAttachment } from "./echo-attachment.ts";
import { type RawConnection, type ServedApi, serveFake } from "./harness.ts";

let api: ServedApi;
const opened: RawConnection[] = [];
beforeAll(async () => {
  api = await serveFake();
  await api.json("POST", "/containers/create?name=plain", { body: { Image: "busybox", OpenStdin: true } });
  await api.json("POST", "/containers/create?name=terminal", {
    body: { Image: "busybox", Tty: true, OpenStdin: true },
  });
  await api.json("POST", "/containers/create?name=paused", { body: { Image: "busybox" } });
});
afterAll(async () => {
  for (const connection of opened) connection.close();
  await api[Symbol.asyncDispose]();
});

const UPGRADE = "Host: d\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n";

function connect(): RawConnection {
  const connection = api.raw();
  opened.push(connection);
  return connection;
}

const lastStream = () => api.engine.attachments.at(-1)?.stream as EchoAttachment;

async function createExec(body: object): Promise<string> {
  const { Id } = (await api.json("POST", "/containers/plain/exec", { body })) as { Id: string };
  return Id;
}

describe("attach", () => {
  const target = (name: string, version = "1.55") =>
    `POST /v${version}/containers/${name}/attach?stream=1&stdin=1&stdout=1&stderr=1 HTTP/1.1\r\n${UPGRADE}\r\n`;

  test("input that comes with the head, and after it, arrives; half-close lets the output go on", async () => {
    const connection = connect().send(`${target("plain")}early `);
    await connection.until("early");
    connection.send("later");
    await connection.until("later");
    connection.socket.end();
    const all = await connection.untilEnd();
    expect(all.startsWith("HTTP/1.1 101 UPGRADED\r\n")).toBe(true);
    expect(all).toContain("Content-Type: application/vnd.docker.multiplexed-stream\r\n");
    expect(all).toContain("\x01\x00\x00\x00\x00\x00\x00\x04bye\n");
    expect(lastStream().input).toBe("early later");
  });

  test("before 1.42 framed bytes are called raw; a terminal's always are", async () => {
    for (const head of [target("plain", "1.41"), target("terminal")]) {
      const connection = connect().send(head);
      expect(await connection.until("ready\n")).toContain("Content-Type: application/vnd.docker.raw-stream\r\n");
    }
  });

  test("without Upgrade the answer is 200 and raw-stream", async () => {
    const connection = connect().send("POST /containers/plain/attach?stream=1&stdout=1 HTTP/1.1\r\nHost: d\r\n\r\n");
    const all = await connection.until("ready\n");
    expect(all.startsWith("HTTP/1.1 200 OK\r\nContent-Type: application/vnd.docker.raw-stream\r\n")).toBe(true);
    expect(all.toLowerCase()).not.toContain("transfer-encoding");
  });

  test("errors are written by hand as plain text", async () => {
    const missing = await connect().send(target("nothing")).untilEnd();
    expect(missing.startsWith("HTTP/1.1 404 Not Found\r\n")).toBe(true);
    expect(missing.endsWith("\r\n\r\nNo such container: nothing\r\n")).toBe(true);
    const paused = await connect().send(target("paused")).untilEnd();
    expect(paused).toMatch(/^HTTP\/1\.1 409 Conflict\r\n/);
  });

  test("detach keys end a terminal's attachment and are not passed on", async () => {
    const connection = connect().send(target("terminal"));
    await connection.until("ready\n");
    connection.send("a\x10b\x10");
    await connection.until("a\x10b");
    connection.send("\x11ignored");
    await connection.untilEnd();
    expect(lastStream().input).toBe("a\x10b");
    expect(lastStream().destroyed).toBe(true);
  });

  test("logs=1 gives what was said before first", async () => {
    const connection = connect().send(
      `POST /containers/terminal/attach?logs=1&stream=1&stdin=1&stdout=1 HTTP/1.1\r\n${UPGRADE}\r\n`,
    );
    expect(await connection.until("ready\n")).toContain("logged\nready\n");
    connection.send("typed");
    await connection.until("typed");
    connection.socket.end();
    await connection.untilEnd();
  });

  test("a client that goes away takes its attachment with it", async () => {
    const connection = connect().send(target("plain"));
    await connection.until("ready\n");
    const stream = lastStream();
    const closed = new Promise((resolve) => stream.once("close", resolve));
    connection.close();
    await closed;
    expect(stream.destroyed).toBe(true);
  });
});

describe("exec start", () => {
  const bodies: [string, (body: string) => string[]][] = [
    ["with Content-Length", (body) => [`Content-Length: ${body.length}\r\n\r\n${body}early`]],
    [
      "with Content-Length, in pieces",
      (body) => [`Content-Length: ${body.length}\r\n\r\n`, body.slice(0, 5), `${body.slice(5)}early`],
    ],
    [
      "chunked",
      (body) => [`Transfer-Encoding: chunked\r\n\r\n${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\nearly`],
    ],
  ];
  test.each(bodies)("a body %s is told from the input behind it", async (_name, parts) => {
    const id = await createExec({ Cmd: ["cat"], AttachStdin: true, AttachStdout: true });
    const connection = connect().send(
      `POST /v1.41/exec/${id}/start HTTP/1.1\r\n${UPGRADE}Content-Type: application/json\r\n`,
    );
    for (const part of parts('{"Detach":false,"Tty":false}')) {
      connection.send(part);
      await Bun.sleep(5);
    }
    await connection.until("early");
    connection.socket.end();
    const all = await connection.untilEnd();
    expect(all.startsWith("HTTP/1.1 101 UPGRADED\r\n")).toBe(true);
    expect(all).toContain("bye\n");
    expect(lastStream().input).toBe("early");
  });

  test("an error comes in the stream, framed", async () => {
    const id = await createExec({ Cmd: ["missing"], AttachStdout: true });
    const body = "{}";
    const head = `POST /exec/${id}/start HTTP/1.1\r\n${UPGRADE}Content-Type: application/json\r\nContent-Length: 2\r\n\r\n`;
    const all = await connect()
      .send(head + body)
      .untilEnd();
    expect(all).toMatch(/^HTTP\/1\.1 101 UPGRADED\r\n/);
    expect(all.endsWith("\x01\x00\x00\x00\x00\x00\x00\x11exec: not found\r\n")).toBe(true);
  });

  test("Detach is an ordinary answer, also to a client that wants an upgrade", async () => {
    const id = await createExec({ Cmd: ["true"] });
    const plain = await api.request("POST", `/exec/${id}/start`, { body: { Detach: true } });
    expect([plain.status, plain.text]).toEqual([200, ""]);
    const head = `POST /exec/${id}/start HTTP/1.1\r\n${UPGRADE}Content-Type: application/json\r\nContent-Length: 15\r\n\r\n`;
    expect(await connect().send(`${head}{"Detach":true}`).untilEnd()).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
  });

  test("an unknown exec is an ordinary 404, and so is any other path with Upgrade", async () => {
    const head = `POST /exec/none/start HTTP/1.1\r\n${UPGRADE}\r\n`;
    expect(await connect().send(head).untilEnd()).toContain('{"message":"No such exec instance: none"}\n');
    const other = await connect().send(`GET /_ping HTTP/1.1\r\n${UPGRADE}\r\n`).untilEnd();
    expect(other).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    expect(other.endsWith("\r\n\r\nOK")).toBe(true);
  });
});
