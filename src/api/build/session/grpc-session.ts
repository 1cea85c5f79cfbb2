import type { Duplex } from "node:stream";
import { EngineError, isKind, messageOf } from "../../../base/errors.ts";
import type { BuildSession, RegistryAccount } from "../../../builder/session.ts";
import {
  BytesMessage,
  CheckAgentRequest,
  CredentialsRequest,
  CredentialsResponse,
  Empty,
  GetSecretRequest,
  GetSecretResponse,
  SESSION_METHODS,
} from "../../../wire/buildkit/session.ts";
import { encodeMetadata } from "../../../wire/grpc/metadata.ts";
import { callUnary, createGrpcClient, type GrpcClient } from "../../grpc/client.ts";
import { bytesDuplex, sendBytes } from "./bytes-duplex.ts";
import type { SessionHello } from "./hello.ts";
import { receiveDirectory } from "./receive-directory.ts";
import { sendDirectory } from "./send-directory.ts";

/** A build's client that serves BuildKit's session services, and may have archives that it uploads on demand. */
export interface GrpcSession extends BuildSession {
  readonly sharedKey: string;
  /** What the client offers at a `http://buildkit-session/…` URL, in the place of a context. */
  upload(url: URL, signal: AbortSignal): AsyncIterable<Uint8Array>;
  close(): void;
}

/** Bytes of a secret: BuildKit's own limit is 500 KiB. */
const MAX_SECRET_BYTES = 512 * 1024;

/** Hub accounts are kept under the address of its registry. */
const HUB_NAMES = ["docker.io", "index.docker.io"];

/** `connection` carries HTTP/2, its other end is the server. */
export function createGrpcSession(connection: Duplex, hello: SessionHello): GrpcSession {
  const client = createGrpcClient(connection);
  return {
    id: hello.id,
    sharedKey: hello.sharedKey,
    closed: client.closed,
    hasDirectories: hello.methods.includes(SESSION_METHODS.diffCopy.toLowerCase()),
    receive: (request, sink, signal) => receiveDirectory(client, { request, sink, signal }),
    secret: (id, signal) => secretOf(client, id, signal),
    hasAgent: (id, signal) => hasAgent(client, id, signal),
    async openAgent(id, signal) {
      return bytesDuplex(
        client.start(SESSION_METHODS.forwardAgent, encodeMetadata({ "buildkit.ssh.id": [id] }), signal),
      );
    },
    credentials: (host, signal) => credentialsOf(client, host, signal),
    async sendArchive(output, archive, signal) {
      const call = client.start(SESSION_METHODS.send, exporterMetadata(output), signal);
      try {
        for await (const chunk of archive) await sendBytes(call, chunk);
        call.end();
        // The client ends its stream when it has written everything.
        for await (const _ of call.messages) continue;
      } catch (error) {
        call.cancel();
        throw error;
      }
    },
    sendDirectory: (output, directory, signal) =>
      sendDirectory(client.start(SESSION_METHODS.send, exporterMetadata(output), signal), directory),
    upload: (url, signal) => uploadOf(client, url, signal),
    close: () => client.close(),
  };
}

function exporterMetadata(output: string): Record<string, string[]> {
  return encodeMetadata(output === "" ? {} : { "buildkit-attachable-exporter-id": [output] });
}

async function secretOf(client: GrpcClient, id: string, signal: AbortSignal): Promise<Uint8Array | undefined> {
  const method = { path: SESSION_METHODS.getSecret, input: GetSecretRequest, output: GetSecretResponse };
  const answer = await unlessMissing(callUnary(client, method, { values: { id }, signal }));
  if (answer === undefined) return undefined;
  if (answer.data.byteLength > MAX_SECRET_BYTES) {
    throw new EngineError("invalid-argument", `secret ${id} is larger than ${MAX_SECRET_BYTES} bytes`);
  }
  // A copy: the bytes are a view of a message, and secrets are not kept longer than they are used.
  return Uint8Array.from(answer.data);
}

/** The client's answer is yes or an error; which one, clients do not agree upon. */
async function hasAgent(client: GrpcClient, id: string, signal: AbortSignal): Promise<boolean> {
  const method = { path: SESSION_METHODS.checkAgent, input: CheckAgentRequest, output: Empty };
  try {
    await callUnary(client, method, { values: { id }, signal });
    return true;
  } catch (error) {
    if (signal.aborted || isKind(error, "unavailable")) throw error;
    return false;
  }
}

/** A secret without a name is a token that stands for the account. */
async function credentialsOf(
  client: GrpcClient,
  host: string,
  signal: AbortSignal,
): Promise<RegistryAccount | undefined> {
  const method = { path: SESSION_METHODS.credentials, input: CredentialsRequest, output: CredentialsResponse };
  const asked = HUB_NAMES.includes(host) ? "registry-1.docker.io" : host;
  const answer = await unlessMissing(callUnary(client, method, { values: { host: asked }, signal }));
  if (answer === undefined || (answer.username === "" && answer.secret === "")) return undefined;
  const { username, secret } = answer;
  return username === ""
    ? { username, password: "", identityToken: secret }
    : { username, password: secret, identityToken: "" };
}

/** undefined where the client has no such thing, or does not know the service at all. */
async function unlessMissing<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (isKind(error, "not-found") || isKind(error, "not-implemented")) return undefined;
    throw error;
  }
}

async function* uploadOf(client: GrpcClient, url: URL, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const metadata = encodeMetadata({ urlpath: [url.pathname], urlhost: [url.host] });
  const call = client.start(SESSION_METHODS.pullUpload, metadata, signal);
  try {
    call.end();
    for await (const message of call.messages) yield BytesMessage.decode(message).data;
  } catch (error) {
    throw new EngineError("unavailable", `the client's upload failed: ${messageOf(error)}`, { cause: error });
  } finally {
    call.cancel();
  }
}
