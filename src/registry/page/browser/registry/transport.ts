import { bearerChallenge } from "../model/challenge.ts";
import { list, object, text } from "../model/json.ts";
import { createLimiter } from "./limiter.ts";
import { RequestFailed } from "./request-failed.ts";
import type { Tokens } from "./tokens.ts";

/** A browser opens six connections to a host; more requests at once would only wait inside it, and could not be taken back. */
const REQUESTS_AT_ONCE = 6;
/** One that expired, one for nobody, one for a user: after that the answer is no. */
const TOKENS_TRIED = 3;
/** Docker and containerd refuse larger manifests and configs too. */
const DOCUMENT_BYTES = 8_000_000;

export interface Answer {
  body: string;
  header(name: string): string | null;
}

export interface Call {
  path: string;
  method?: "GET" | "DELETE";
  accept?: string;
  /** Names what a token must be good for, to find it again before the registry asks. */
  scope: string;
  signal?: AbortSignal | undefined;
}

export type Send = (call: Call) => Promise<Answer>;

/**
 * Sends requests to the registry that serves this page. `origin` is written out: an address bar with a user name in it is a base
 * that browsers refuse to fetch from. Throws RequestFailed, or the AbortError of its signal.
 */
export function createTransport(tokens: Tokens, origin: string): Send {
  const limited = createLimiter(REQUESTS_AT_ONCE);

  async function once(call: Call, token: string | undefined): Promise<Response> {
    const headers = new Headers();
    if (call.accept !== undefined) headers.set("Accept", call.accept);
    if (token !== undefined) headers.set("Authorization", `Bearer ${token}`);
    const options: RequestInit = { method: call.method ?? "GET", headers, cache: "no-cache" };
    if (call.signal !== undefined) options.signal = call.signal;
    try {
      return await fetch(origin + call.path, options);
    } catch (error) {
      if (call.signal?.aborted) throw error;
      throw new RequestFailed({ kind: "unreachable" });
    }
  }

  async function authorized(call: Call): Promise<Response> {
    let token = tokens.known(call.scope);
    let response = await limited(() => once(call, token));
    for (let attempt = 0; attempt < TOKENS_TRIED; attempt++) {
      const challenge = response.status === 401 ? bearerChallenge(response.headers.get("WWW-Authenticate")) : undefined;
      if (challenge === undefined) break;
      token = await tokens.fetch({ ...challenge, scope: challenge.scope || call.scope }, token);
      const next = token;
      response = await limited(() => once(call, next));
    }
    return response;
  }

  return async (call) => {
    call.signal?.throwIfAborted();
    const response = await authorized(call);
    const body = await readBody(response).catch((error: unknown) => {
      if (error instanceof RequestFailed || call.signal?.aborted) throw error;
      throw new RequestFailed({ kind: "unreachable" });
    });
    if (!response.ok) throw new RequestFailed(answerFailure(response.status, body));
    return { body, header: (name) => response.headers.get(name) };
  };
}

/** The body as text, given up where it exceeds what a document may have. */
async function readBody(response: Response): Promise<string> {
  const decoder = new TextDecoder();
  let [body, size] = ["", 0];
  if (response.body === null) return body;
  const reader = response.body.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return body + decoder.decode();
    size += value.byteLength;
    if (size > DOCUMENT_BYTES) {
      await reader.cancel();
      throw new RequestFailed({ kind: "too-large", limit: DOCUMENT_BYTES });
    }
    body += decoder.decode(value, { stream: true });
  }
}

/** @see OCI distribution-spec "Error Codes" */
function answerFailure(
  status: number,
  body: string,
): { kind: "answer"; status: number; code: string; message: string } {
  let first: unknown;
  try {
    first = list(object(JSON.parse(body)).errors)[0];
  } catch {
    // A proxy in front of the registry answers with a page of its own: the status says all that there is.
  }
  const error = object(first);
  return { kind: "answer", status, code: text(error.code), message: text(error.message) };
}
