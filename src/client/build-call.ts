import { BuildChannel, errorOf, type MessageStream } from "../wire/build-channel.ts";
import type {
  WireAccount,
  WireBuildError,
  WireBuildEvent,
  WireBuildOpening,
  WireBuildQuestion,
  WireBuildRequest,
  WireBuildResult,
} from "../wire/build-messages.ts";
import { ALIVE_EVERY_MS, decodeJson, encodeJson, FRAME, type Frame } from "../wire/build-stream.ts";
import type { Connection } from "./http/connection.ts";
import type { Transport } from "./transport.ts";

/** The build ended with an error; the words are the daemon's. `kind`: of EngineError. */
export class BuildFailed extends Error {
  readonly kind: string;
  constructor({ Kind, Message }: WireBuildError) {
    super(Message);
    this.name = "BuildFailed";
    this.kind = Kind;
  }
}

type Opening<Kind> = Extract<WireBuildOpening, { Kind: Kind }>;

/** What a build may ask of us. Handlers of streams need not end them; an error that they throw is told, and ends the stream. */
export interface BuildHandlers {
  events(events: WireBuildEvent[]): void;
  secret(id: string): Promise<Uint8Array | undefined>;
  hasAgent(id: string): Promise<boolean>;
  credentials(host: string): Promise<WireAccount | undefined>;
  hasBlob(layout: string, digest: string): Promise<boolean>;
  blob(opening: Opening<"blob">, stream: MessageStream): Promise<void>;
  walk(opening: Opening<"walk">, stream: MessageStream): Promise<void>;
  archive(name: string, stream: MessageStream): Promise<void>;
  agent(id: string, stream: MessageStream): Promise<void>;
  output(opening: Opening<"output">, stream: MessageStream): Promise<void>;
}

/**
 * One build over `POST /gantry/build`, to its end. Throws ClientError with status 404 where the daemon has no such thing, BuildFailed
 * when the build fails. `signal` ends the connection, which cancels the build.
 */
export async function callBuild(
  transport: Transport,
  request: WireBuildRequest,
  handlers: BuildHandlers,
  signal?: AbortSignal,
): Promise<WireBuildResult> {
  const { connection } = await transport.hijack("/gantry/build", {});
  return new BuildCall(connection, handlers).run(request, signal);
}

class BuildCall {
  readonly #connection: Connection;
  readonly #handlers: BuildHandlers;
  readonly #channel: BuildChannel;
  #result: WireBuildResult | undefined;
  #failure: BuildFailed | undefined;
  /** A connection takes one write at a time. */
  #writing: Promise<void> = Promise.resolve();

  constructor(connection: Connection, handlers: BuildHandlers) {
    this.#connection = connection;
    this.#handlers = handlers;
    this.#channel = new BuildChannel({
      write: (bytes) => {
        const turn = this.#writing.then(() => connection.write(bytes));
        this.#writing = turn.catch(() => undefined);
        return turn;
      },
      onFrame: (frame) => this.#onFrame(frame),
    });
  }

  async run(request: WireBuildRequest, signal: AbortSignal | undefined): Promise<WireBuildResult> {
    const alive = setInterval(() => {
      // A connection that broke is told by its reader.
      this.#channel.send(FRAME.alive, 0, new Uint8Array(0)).catch(() => undefined);
    }, ALIVE_EVERY_MS);
    const onAbort = () => this.#connection.close();
    signal?.addEventListener("abort", onAbort);
    try {
      await this.#channel.send(FRAME.request, 0, encodeJson(request));
      return await this.#readToEnd(signal);
    } finally {
      clearInterval(alive);
      signal?.removeEventListener("abort", onAbort);
      this.#channel.close(new Error("the build is over"));
      this.#connection.close();
    }
  }

  async #readToEnd(signal: AbortSignal | undefined): Promise<WireBuildResult> {
    for (;;) {
      const bytes = await this.#connection.read();
      signal?.throwIfAborted();
      if (bytes === undefined) throw new Error("the connection to the daemon ended within the build");
      this.#channel.receive(bytes);
      if (this.#failure !== undefined) throw this.#failure;
      if (this.#result !== undefined) return this.#result;
    }
  }

  #onFrame({ type, stream, payload }: Frame): void {
    if (type === FRAME.events) this.#handlers.events(decodeJson(payload) as WireBuildEvent[]);
    else if (type === FRAME.result) this.#result = decodeJson(payload) as WireBuildResult;
    else if (type === FRAME.failed) this.#failure = new BuildFailed(errorOf(payload));
    else if (type === FRAME.ask) void this.#answer(stream, decodeJson(payload) as WireBuildQuestion);
    else if (type === FRAME.open) void this.#serve(this.#channel.open(stream), decodeJson(payload) as WireBuildOpening);
    else throw new Error(`the daemon sent a frame of type ${type}, which is not its to send`);
  }

  /** An error of the handler's is told as "none": the daemon knows whether that is one. Never rejects. */
  async #answer(id: number, question: WireBuildQuestion): Promise<void> {
    let value: Uint8Array | undefined;
    try {
      value = await this.#valueFor(question);
    } catch {
      value = undefined;
    }
    const payload = new Uint8Array(1 + (value?.byteLength ?? 0));
    payload[0] = value === undefined ? 0 : 1;
    payload.set(value ?? [], 1);
    await this.#channel.send(FRAME.answer, id, payload).catch(() => undefined); // broken: the reader tells
  }

  async #valueFor(question: WireBuildQuestion): Promise<Uint8Array | undefined> {
    switch (question.Kind) {
      case "secret":
        return this.#handlers.secret(question.Id);
      case "agent":
        return (await this.#handlers.hasAgent(question.Id)) ? new Uint8Array(0) : undefined;
      case "blob":
        return (await this.#handlers.hasBlob(question.Layout, question.Digest)) ? new Uint8Array(0) : undefined;
      case "credentials": {
        const account = await this.#handlers.credentials(question.Host);
        return account === undefined ? undefined : encodeJson(account);
      }
    }
  }

  /** Never rejects. */
  async #serve(stream: MessageStream, opening: WireBuildOpening): Promise<void> {
    try {
      await this.#handle(stream, opening);
      stream.end();
    } catch (error) {
      const kind = (error as { code?: unknown }).code === "ENOENT" ? "not-found" : "invalid-argument";
      stream.fail({ Kind: kind, Message: error instanceof Error ? error.message : String(error) });
    }
  }

  #handle(stream: MessageStream, opening: WireBuildOpening): Promise<void> {
    switch (opening.Kind) {
      case "walk":
        return this.#handlers.walk(opening, stream);
      case "archive":
        return this.#handlers.archive(opening.Name, stream);
      case "agent":
        return this.#handlers.agent(opening.Id, stream);
      case "blob":
        return this.#handlers.blob(opening, stream);
      case "output":
        return this.#handlers.output(opening, stream);
    }
  }
}
