import { mkdtempSync, rmSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { duplexPair } from "node:stream";
import {
  type Client,
  credentials,
  loadPackageDefinition,
  Metadata,
  Server,
  ServerCredentials,
  type ServiceClientConstructor,
  type ServiceError,
  status,
  type UntypedServiceImplementation,
} from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";

const PROTO = join(import.meta.dir, "testdata/buildkit");
const FILES = ["control", "gateway", "filesync", "secrets", "ssh", "upload", "health"];

/** By full name: `moby.buildkit.v1.Control`. */
const SERVICES = loadSync(
  FILES.map((name) => join(PROTO, `${name}.proto`)),
  { keepCase: true, longs: Number, defaults: true, oneofs: false },
);

function constructorOf(name: string): ServiceClientConstructor {
  let place: unknown = loadPackageDefinition(SERVICES);
  for (const part of name.split(".")) place = (place as Record<string, unknown>)[part];
  return place as ServiceClientConstructor;
}

/** Of a foreign table: its fields have no types here. */
// oxlint-disable-next-line typescript/no-explicit-any
export type Message = Record<string, any>;

export type Handlers = Record<string, UntypedServiceImplementation>;

/** POSTs with `Upgrade: h2c`; resolves when the connection is HTTP/2's. Rejects with the answer's text when it is not. */
export function upgrade(socketPath: string, path: string, headers: [string, string][] = []): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(socketPath);
    const lines = [["Host", "docker"], ["Connection", "Upgrade"], ["Upgrade", "h2c"], ...headers];
    socket.write(`POST ${path} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join("")}\r\n`);
    let head = "";
    const onData = (chunk: Buffer) => {
      head += chunk.toString("latin1");
      const end = head.indexOf("\r\n\r\n");
      if (end < 0) return;
      socket.off("data", onData);
      socket.pause();
      if (!head.startsWith("HTTP/1.1 101 ")) {
        socket.destroy();
        reject(new Error(head));
        return;
      }
      const rest = Buffer.from(head.slice(end + 4), "latin1");
      if (rest.byteLength > 0) socket.unshift(rest);
      resolve(socket);
    };
    socket.on("data", onData);
    socket.once("error", reject);
  });
}

/** A session as docker offers it: a gRPC server of another make on a connection that the daemon calls through. */
export async function offerSession(
  socketPath: string,
  { id, handlers, sharedKey = "" }: { id: string; handlers: Handlers; sharedKey?: string },
): Promise<Disposable> {
  const methods: string[] = [];
  const server = new Server();
  for (const [name, implementation] of Object.entries(handlers)) {
    const service = name === "test.DirectoryTarget" ? directoryService() : serviceOf(name);
    server.addService(service, implementation);
    methods.push(...Object.values(service).map(({ path }) => path));
  }
  const socket = await upgrade(socketPath, "/session", [
    ["X-Docker-Expose-Session-Uuid", id],
    ["X-Docker-Expose-Session-Name", "test"],
    ["X-Docker-Expose-Session-Sharedkey", sharedKey],
    ...methods.map((method): [string, string] => ["X-Docker-Expose-Session-Grpc-Method", method]),
  ]);
  // Not the socket itself: Bun's HTTP/2 reads below it, and misses what was already read and given back.
  const [near, far] = duplexPair();
  socket.pipe(far).pipe(socket);
  socket.once("close", () => near.destroy());
  server.createConnectionInjector(ServerCredentials.createInsecure()).injectConnection(near);
  return {
    [Symbol.dispose]() {
      server.forceShutdown();
      socket.destroy();
    },
  };
}

export function serviceOf(name: string): ServiceClientConstructor["service"] {
  return constructorOf(name).service;
}

/** FileSend as it is for directories: the same method, whose messages are FileSync's. */
function directoryService(): ServiceClientConstructor["service"] {
  const [method] = Object.values(constructorOf("moby.filesync.v1.FileSync").service);
  if (method === undefined) throw new Error("no DiffCopy in filesync.proto");
  return { DiffCopy: { ...method, path: "/moby.filesync.v1.FileSend/DiffCopy" } };
}

/** What buildx's docker driver does: a gRPC client of another make through `POST /grpc`. */
export interface BuildKitClient extends Disposable {
  /** Unary. Rejects with grpc-js' error: `code`, `details`. */
  call(method: string, request: Message, metadata?: Record<string, string>): Promise<Message>;
  /** All messages of a server's stream. */
  collect(method: string, request: Message): Promise<Message[]>;
  /** The bare client of a service. */
  service(name: string): Client & Record<string, (...parameters: unknown[]) => unknown>;
}

export async function connectBuildKit(socketPath: string): Promise<BuildKitClient> {
  // grpc-js dials by itself: it is given a socket whose every connection is upgraded.
  const directory = mkdtempSync(join(tmpdir(), "gantry-grpc-"));
  const path = join(directory, "grpc.sock");
  const sockets = new Set<Socket>();
  const proxy = createServer((inner) => {
    sockets.add(inner);
    upgrade(socketPath, "/grpc").then(
      (outer) => {
        sockets.add(outer);
        inner.pipe(outer).pipe(inner);
        inner.once("close", () => outer.destroy()).on("error", () => outer.destroy());
        outer.once("close", () => inner.destroy()).on("error", () => inner.destroy());
      },
      () => inner.destroy(),
    );
  });
  await new Promise<void>((resolve) => proxy.listen(path, () => resolve()));
  const clients = new Map<string, Client>();
  const service = (name: string) => {
    const Constructor = constructorOf(name);
    const client = clients.get(name) ?? new Constructor(`unix:${path}`, credentials.createInsecure());
    clients.set(name, client);
    return client as Client & Record<string, (...parameters: unknown[]) => unknown>;
  };
  return {
    service,
    call(method, request, metadata = {}) {
      const { client, name } = find(method);
      const sent = new Metadata();
      for (const [key, value] of Object.entries(metadata)) sent.set(key, value);
      return new Promise((resolve, reject) => {
        client[name]?.(request, sent, (error: ServiceError | null, answer: Message) => {
          if (error === null) resolve(answer);
          else reject(error);
        });
      });
    },
    async collect(method, request) {
      const { client, name } = find(method);
      const stream = client[name]?.(request) as AsyncIterable<Message> | undefined;
      if (stream === undefined) throw new Error(`no method ${method}`);
      const messages: Message[] = [];
      for await (const message of stream) messages.push(message);
      return messages;
    },
    [Symbol.dispose]() {
      for (const client of clients.values()) client.close();
      for (const socket of sockets) socket.destroy();
      proxy.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };

  function find(method: string) {
    const slash = method.indexOf("/");
    return { client: service(method.slice(0, slash)), name: method.slice(slash + 1) };
  }
}

/** How a call was refused: `NOT_FOUND: text`. */
export function refusal(call: Promise<unknown>): Promise<string> {
  return call.then(
    () => "nothing was refused",
    ({ code, details }: ServiceError) => `${status[code]}: ${details}`,
  );
}
