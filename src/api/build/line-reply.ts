import { EngineError, messageOf } from "../../base/errors.ts";
import { encodeProgressLine } from "../../wire/json-stream.ts";
import type { WireProgress } from "../../wire/progress.ts";
import type { StreamReply } from "../route.ts";

/** An error that has a number for clients: the exit code of a RUN. */
export class NumberedError extends EngineError {
  readonly code: number;
  constructor(code: number, message: string, options?: { cause?: unknown }) {
    super("invalid-argument", message, options);
    this.code = code;
  }
}

/**
 * Answers with lines of a progress stream. What goes wrong before the first line is an ordinary HTTP error; afterwards it is the
 * last line. The client's pace is the stream's. When the client goes, the generator is ended.
 */
export async function lineReply(messages: AsyncGenerator<WireProgress>): Promise<StreamReply> {
  const first = await messages.next();
  async function* lines(): AsyncGenerator<Uint8Array> {
    try {
      if (first.done !== true) yield encodeProgressLine(first.value);
      for await (const message of messages) yield encodeProgressLine(message);
    } catch (error) {
      // That a build fails is its answer; what is no EngineError goes on, to be logged.
      if (!(error instanceof EngineError)) throw error;
      yield errorLine(error);
    } finally {
      await messages.return(undefined);
    }
  }
  return { stream: lines(), contentType: "application/json", onError: errorLine };
}

function errorLine(error: unknown): Uint8Array {
  const message = messageOf(error);
  const code = error instanceof NumberedError ? { code: error.code } : {};
  return encodeProgressLine({ errorDetail: { ...code, message }, error: message } satisfies WireProgress);
}
