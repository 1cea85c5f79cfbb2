import type { Socket } from "bun";
import { encodeFrame } from "../../src/wire/stdcopy.ts";

/** One request as it came. */
export interface Seen {
  method: string;
  path: string;
  query: URLSearchParams;
  body: string;
}

/** What a test makes of a container's process. */
export interface FakeProcess {
  output(stream: 1 | 2, text: string): void;
  /** Raw bytes, for a terminal. */
  raw(data: Uint8Array | string): void;
  /** Ends the output and lets the wait return. */
  exit(code: number): void;
}

export interface FakeDaemon {
  host: string;
  seen: Seen[];
  stop(): void;
}

export interface FakeOptions {
  /** Called at start. */
  run?: (process: FakeProcess, command: string[], tty: boolean) => void;
  /** Called with what is typed into the attached stream; "" at its end. */
  input?: (process: FakeProcess, text: string) => void;
  /** Called at kill. */
  kill?: (process: FakeProcess, signal: string) => void;
  /** Overrides: `"GET /version"` → [status, JSON]. */
  answers?: Record<string, [status: number, body: unknown]>;
  /** A daemon that only knows up to this version. */
  maxVersion?: string;
}

interface State {
  buffer: Buffer;
  attached: boolean;
  /** Written, but not yet taken by the kernel. */
  unsent: Buffer;
  ending: boolean;
}

type Client = Socket<State>;

const ID = "c0ffee".padEnd(64, "0");

/** A daemon on a unix socket with one container, which does what the test says: enough for run, attach, wait, start, kill. */
export function startFakeDaemon(socketPath: string, options: FakeOptions = {}): FakeDaemon {
  const seen: Seen[] = [];
  let stream: Client | undefined;
  let waiting: Client | undefined;
  let command: string[] = [];
  let tty = false;
  const process: FakeProcess = {
    output: (kind, text) => send(stream, encodeFrame(kind, new TextEncoder().encode(text))),
    raw: (data) => send(stream, Buffer.from(data)),
    exit(code) {
      if (stream !== undefined) {
        stream.data.ending = true;
        flush(stream);
      }
      const body = `${JSON.stringify({ StatusCode: code })}\n`;
      waiting?.write(`${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`);
    },
  };
  const handle = (client: Client, request: Seen) => {
    seen.push(request);
    const route = `${request.method} ${request.path.replace(ID, "{id}")}`;
    const given = options.answers?.[route];
    if (given !== undefined) return reply(client, given[0], given[1]);
    switch (route) {
      case "POST /containers/create": {
        const body = JSON.parse(request.body) as { Cmd: string[] | null; Tty: boolean };
        [command, tty] = [body.Cmd ?? [], body.Tty];
        return reply(client, 201, { Id: ID, Warnings: [] });
      }
      case "POST /containers/{id}/attach":
        stream = client;
        client.data.attached = true;
        return client.write(
          "HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.raw-stream\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n",
        );
      case "POST /containers/{id}/wait":
        waiting = client;
        return client.write("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n");
      case "POST /containers/{id}/start":
        client.write("HTTP/1.1 204 No Content\r\n\r\n");
        return options.run?.(process, command, tty);
      case "POST /containers/{id}/kill":
        client.write("HTTP/1.1 204 No Content\r\n\r\n");
        return options.kill?.(process, request.query.get("signal") ?? "");
      case "POST /containers/{id}/resize":
        return reply(client, 200, {});
      default:
        return reply(client, 404, { message: "page not found" });
    }
  };
  const server = Bun.listen<State>({
    unix: socketPath,
    allowHalfOpen: true,
    socket: {
      open: (client) =>
        void (client.data = { buffer: Buffer.alloc(0), attached: false, unsent: Buffer.alloc(0), ending: false }),
      data(client, data) {
        if (client.data.attached) {
          options.input?.(process, data.toString());
          return;
        }
        client.data.buffer = Buffer.concat([client.data.buffer, data]);
        for (let next = takeRequest(client.data, options.maxVersion); next !== undefined; ) {
          if ("tooNew" in next) reply(client, 400, { message: next.tooNew });
          else if (next.path === "/_ping") {
            client.write(`HTTP/1.1 200 OK\r\nApi-Version: ${options.maxVersion}\r\nContent-Length: 0\r\n\r\n`);
          } else handle(client, next);
          next = takeRequest(client.data, options.maxVersion);
        }
      },
      drain: flush,
      end(client) {
        if (client.data.attached) options.input?.(process, "");
      },
    },
  });
  return { host: `unix://${socketPath}`, seen, stop: () => server.stop(true) };
}

function send(client: Client | undefined, data: Uint8Array): void {
  if (client === undefined) return;
  client.data.unsent = Buffer.concat([client.data.unsent, data]);
  flush(client);
}

function flush(client: Client): void {
  const { unsent } = client.data;
  if (unsent.length > 0) client.data.unsent = unsent.subarray(client.write(unsent));
  if (client.data.ending && client.data.unsent.length === 0) client.end();
}

function reply(client: Client, status: number, body: unknown): void {
  const text = JSON.stringify(body);
  const type = "Content-Type: application/json";
  client.write(`HTTP/1.1 ${status} X\r\n${type}\r\nContent-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`);
}

function takeRequest(state: State, maxVersion: string | undefined): Seen | { tooNew: string } | undefined {
  const end = state.buffer.indexOf("\r\n\r\n");
  if (end < 0) return undefined;
  const head = state.buffer.subarray(0, end).toString();
  const length = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0);
  if (state.buffer.length < end + 4 + length) return undefined;
  const body = state.buffer.subarray(end + 4, end + 4 + length).toString();
  state.buffer = state.buffer.subarray(end + 4 + length);
  const [method = "", target = ""] = head.split(" ");
  const url = new URL(target, "http://daemon");
  const version = /^\/v([\d.]+)/.exec(url.pathname)?.[1];
  if (version !== undefined && maxVersion !== undefined && version !== maxVersion) {
    return { tooNew: `client version ${version} is too new. Maximum supported API version is ${maxVersion}` };
  }
  return { method, path: url.pathname.replace(/^\/v[\d.]+/, ""), query: url.searchParams, body };
}
