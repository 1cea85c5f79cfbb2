import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";

/** One request of a client. */
export interface Asked {
  method: string;
  /** "" where the path has none. */
  version: string;
  /** Without the version. */
  path: string;
  query: URLSearchParams;
  headers: Headers;
  body: string;
}

/** What a test makes of one request: lines as they are pushed, until it ends. */
export interface Stream {
  asked: Asked;
  line(value: unknown): void;
  end(): void;
  /** Settled when the client has gone away. */
  gone: Promise<void>;
}

export interface ProgressDaemon extends Disposable {
  dir: string;
  host: string;
  asked: Asked[];
  /** Resolves with the stream of the next request that `answer` left to the test. */
  next(): Promise<Stream>;
}

/** A daemon on a unix socket of its own. Requests that `answer` has no answer for are streams, which the test writes. */
export function progressDaemon(
  answer: (asked: Asked) => Response | undefined | Promise<Response | undefined> = () => undefined,
): ProgressDaemon {
  const dir = mkdtempSync(`${tmpdir()}/gantry-cli-`);
  const asked: Asked[] = [];
  const ready: Stream[] = [];
  const waiting: ((stream: Stream) => void)[] = [];
  const server = Bun.serve({
    unix: `${dir}/d.sock`,
    async fetch(request) {
      const url = new URL(request.url);
      const [, version = "", path = ""] = /^(?:\/v([\d.]+))?(.*)$/.exec(decodeURIComponent(url.pathname)) ?? [];
      const one = {
        method: request.method,
        version,
        path,
        query: url.searchParams,
        headers: request.headers,
        body: await request.text(),
      };
      asked.push(one);
      const given = await answer(one);
      if (given !== undefined) return given;
      const { response, stream } = openStream(one);
      const taker = waiting.shift();
      if (taker === undefined) ready.push(stream);
      else taker(stream);
      return response;
    },
  });
  return {
    dir,
    host: `unix://${dir}/d.sock`,
    asked,
    async next() {
      const first = ready.shift();
      return first ?? new Promise((resolve) => waiting.push(resolve));
    },
    [Symbol.dispose]() {
      void server.stop(true);
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

function openStream(asked: Asked): { response: Response; stream: Stream } {
  const { promise: gone, resolve: leave } = Promise.withResolvers<void>();
  let controller: ReadableStreamDefaultController<string> | undefined;
  const body = new ReadableStream<string>({
    start: (given) => void (controller = given),
    cancel: () => leave(),
  });
  return {
    response: new Response(body.pipeThrough(new TextEncoderStream()), {
      headers: { "Content-Type": "application/json" },
    }),
    stream: {
      asked,
      line: (value) => controller?.enqueue(`${JSON.stringify(value)}\r\n`),
      end: () => controller?.close(),
      gone,
    },
  };
}

/** The account that a request carries. */
export function accountOf({ headers }: Asked): unknown {
  return JSON.parse(Buffer.from(headers.get("x-registry-auth") ?? "", "base64").toString() || "null");
}
