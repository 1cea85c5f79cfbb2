import { Duplex } from "node:stream";
import { EngineError, type ErrorKind, messageOf } from "../../base/errors.ts";
import type {
  BuildSession,
  ClientLayouts,
  DirectoryRequest,
  DirectorySink,
  OutgoingDirectory,
  RegistryAccount,
} from "../../builder/session.ts";
import { type BuildChannel, type MessageStream, StreamFailed } from "../../wire/build-channel.ts";
import type { WireBuildOpening, WireBuildQuestion } from "../../wire/build-messages.ts";
import { decodeJson, FRAME, MAX_STREAMS } from "../../wire/build-stream.ts";
import { Fields } from "../fields.ts";
import { gone } from "./build-connection.ts";
import { receiveWalk } from "./receive-walk.ts";

/** A credential helper may ask the user. */
const ANSWER_MS = 300_000;
/** Questions that wait for an answer at once. */
const MAX_QUESTIONS = MAX_STREAMS;
const KINDS: readonly string[] = [
  "invalid-argument",
  "unauthorized",
  "forbidden",
  "not-found",
  "conflict",
  "not-implemented",
  "unavailable",
] satisfies ErrorKind[];

const CANCELED = { Kind: "unavailable", Message: "the build was canceled" };

/** The client at the other end of a build stream. */
export class StreamSession implements BuildSession {
  readonly id: string;
  readonly closed: AbortSignal;
  readonly hasDirectories = true;
  readonly layouts: ClientLayouts = {
    has: async (id, digest, signal) =>
      (await this.#ask({ Kind: "blob", Layout: id, Digest: digest }, signal)) !== undefined,
    read: (id, digest, signal) => this.#read({ Kind: "blob", Layout: id, Digest: digest, Direction: "read" }, signal),
    write: (id, { digest, bytes }, signal) =>
      this.#with({ Kind: "blob", Layout: id, Digest: digest, Direction: "write" }, signal, (stream) =>
        sendBytes(stream, bytes),
      ),
  };
  readonly #channel: BuildChannel;
  #firstFiles = new Map<string, Uint8Array | undefined>();
  readonly #questions = new Map<number, (answer: Uint8Array | undefined) => void>();
  /** Questions whose answer nobody waits for any more. */
  readonly #abandoned = new Set<number>();

  constructor(id: string, channel: BuildChannel, closed: AbortSignal) {
    this.id = id;
    this.closed = closed;
    this.#channel = channel;
    closed.addEventListener("abort", () => {
      for (const settle of this.#questions.values()) settle(undefined);
    });
  }

  /** What came with the request, before anything is asked for. */
  know(files: Map<string, Uint8Array | undefined>): void {
    this.#firstFiles = files;
  }

  sentFiles(directory: string, paths: string[]): Map<string, Uint8Array> | undefined {
    if (directory !== "context" || !paths.every((path) => this.#firstFiles.has(path))) return undefined;
    const found = paths.map((path) => [path, this.#firstFiles.get(path)] as const);
    return new Map(found.filter((one): one is [string, Uint8Array] => one[1] !== undefined));
  }

  /** Of an `answer` frame. Throws Error for one that was not asked for. */
  answer(id: number, payload: Uint8Array): void {
    if (this.#abandoned.delete(id)) return;
    const settle = this.#questions.get(id);
    if (settle === undefined || payload.byteLength === 0) throw new Error(`answer ${id} was not asked for`);
    settle(payload.slice());
  }

  receive(request: DirectoryRequest, sink: DirectorySink, signal: AbortSignal): Promise<void> {
    const { name, include, exclude, followPaths } = request;
    const opening = { Kind: "walk", Name: name, Include: include, Exclude: exclude, FollowPaths: followPaths } as const;
    return this.#with(opening, signal, (stream) => receiveWalk(stream, sink));
  }

  async secret(id: string, signal: AbortSignal): Promise<Uint8Array | undefined> {
    return this.#ask({ Kind: "secret", Id: id }, signal);
  }

  async hasAgent(id: string, signal: AbortSignal): Promise<boolean> {
    return (await this.#ask({ Kind: "agent", Id: id }, signal)) !== undefined;
  }

  async openAgent(id: string, signal: AbortSignal): Promise<Duplex> {
    signal.throwIfAborted();
    return agentConnection(await this.#open({ Kind: "agent", Id: id }), signal);
  }

  async credentials(host: string, signal: AbortSignal): Promise<RegistryAccount | undefined> {
    const answer = await this.#ask({ Kind: "credentials", Host: host }, signal);
    if (answer === undefined) return undefined;
    const fields = new Fields(decodeJson(answer), "Account");
    return {
      username: fields.string("Username"),
      password: fields.string("Password"),
      identityToken: fields.string("IdentityToken"),
    };
  }

  sendArchive(output: string, archive: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<void> {
    return this.#with({ Kind: "output", Id: output, Form: "archive" }, signal, (stream) => sendBytes(stream, archive));
  }

  sendDirectory(output: string, directory: OutgoingDirectory, signal: AbortSignal): Promise<void> {
    const opening = { Kind: "output", Id: output, Form: "directory" } as const;
    return this.#with(opening, signal, (stream) => sendBytes(stream, directory.archive()));
  }

  /** An archive that the client has, for the context; opened when it is read first. */
  archive(name: string): AsyncIterable<Uint8Array> {
    return this.#read({ Kind: "archive", Name: name }, this.closed);
  }

  /** What the client sends on a stream, to its end; opened when it is read first. */
  async *#read(opening: WireBuildOpening, signal: AbortSignal): AsyncGenerator<Uint8Array, void, undefined> {
    signal.throwIfAborted();
    const stream = await this.#open(opening);
    const onAbort = () => stream.fail(CANCELED);
    signal.addEventListener("abort", onAbort);
    let whole = false;
    try {
      yield* stream;
      whole = true;
      stream.end();
    } catch (error) {
      signal.throwIfAborted();
      throw toEngineError(error);
    } finally {
      signal.removeEventListener("abort", onAbort);
      if (!whole) stream.fail({ Kind: "internal", Message: "not read to its end" });
    }
  }

  async #open(opening: WireBuildOpening): Promise<MessageStream> {
    const stream = this.#channel.open(this.#channel.nextId());
    await this.#channel.sendJson(FRAME.open, stream.id, opening);
    return stream;
  }

  /** A stream for the time of `work`; an error, or the signal, ends it on the client's side, too. */
  async #with(
    opening: WireBuildOpening,
    signal: AbortSignal,
    work: (stream: MessageStream) => Promise<void>,
  ): Promise<void> {
    signal.throwIfAborted();
    const stream = await this.#open(opening);
    const onAbort = () => stream.fail(CANCELED);
    signal.addEventListener("abort", onAbort);
    try {
      await work(stream);
      stream.end();
    } catch (error) {
      stream.fail({ Kind: "internal", Message: messageOf(error) });
      signal.throwIfAborted();
      throw toEngineError(error);
    } finally {
      signal.removeEventListener("abort", onAbort);
    }
  }

  /** undefined: the client has none. */
  async #ask(question: WireBuildQuestion, signal: AbortSignal): Promise<Uint8Array | undefined> {
    signal.throwIfAborted();
    if (this.closed.aborted) throw gone();
    if (this.#questions.size + this.#abandoned.size >= MAX_QUESTIONS)
      throw new EngineError("unavailable", "the client is asked too much at once");
    const id = this.#channel.reserve();
    let answered = false;
    const { promise, resolve } = Promise.withResolvers<Uint8Array | undefined>();
    const onAbort = () => resolve(undefined);
    this.#questions.set(id, resolve);
    const timer = setTimeout(onAbort, ANSWER_MS);
    signal.addEventListener("abort", onAbort);
    try {
      await this.#channel.sendJson(FRAME.ask, id, question);
      const answer = await promise;
      answered = answer !== undefined;
      signal.throwIfAborted();
      if (answer === undefined) throw gone();
      return answer[0] === 1 ? answer.subarray(1) : undefined;
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", onAbort);
      this.#questions.delete(id);
      if (!answered) this.#abandoned.add(id);
    }
  }
}

/** Resolves when the client has said that all of it is written. */
async function sendBytes(stream: MessageStream, bytes: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const chunk of bytes) await stream.sendAll(chunk);
  stream.end();
  for await (const _ of stream) throw new EngineError("internal", "the client sends into an output");
}

function agentConnection(stream: MessageStream, signal: AbortSignal): Duplex {
  const messages = stream[Symbol.asyncIterator]();
  const duplex = new Duplex({
    read() {
      messages.next().then(
        ({ value }) => this.push(value ?? null),
        (error: unknown) => this.destroy(error instanceof Error ? error : new Error(String(error))),
      );
    },
    write(chunk: Uint8Array, _encoding, done) {
      stream.sendAll(chunk).then(() => done(), done);
    },
    final(done) {
      stream.end();
      done();
    },
    destroy(error, done) {
      signal.removeEventListener("abort", onAbort);
      stream.fail({ Kind: "unavailable", Message: "the connection to the agent was closed" });
      done(error);
    },
  });
  const onAbort = () => duplex.destroy();
  signal.addEventListener("abort", onAbort);
  return duplex;
}

/** What the client said keeps its kind; all else stays what it is. */
function toEngineError(error: unknown): unknown {
  if (!(error instanceof StreamFailed)) return error;
  return new EngineError(KINDS.includes(error.kind) ? (error.kind as ErrorKind) : "unavailable", error.message);
}
