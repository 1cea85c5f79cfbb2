import { type BearerChallenge, tokenAddress } from "../model/challenge.ts";
import { object, text } from "../model/json.ts";
import { RequestFailed } from "./request-failed.ts";

export interface Credentials {
  user: string;
  password: string;
}

/** Asks the user; `rejected` tells that the last answer was wrong. Undefined: the user does not want to sign in. */
export type AskCredentials = (service: string, rejected: boolean) => Promise<Credentials | undefined>;

export interface Tokens {
  /** A token got before for this scope, if any. */
  known(scope: string): string | undefined;
  /** A new token: without credentials where the registry allows that, else after asking. Throws RequestFailed. */
  fetch(challenge: BearerChallenge): Promise<string>;
}

/**
 * The token dance of the distribution specification. Tokens and credentials live in this closure only and end with the page.
 * @see https://distribution.github.io/distribution/spec/auth/token/
 */
export function createTokens(base: string, ask: AskCredentials): Tokens {
  const tokens = new Map<string, string>();
  let credentials: Credentials | undefined;
  // Many requests meet the first challenge at the same time: they queue, and the user is asked once.
  let queue: Promise<unknown> = Promise.resolve();

  async function obtain(challenge: BearerChallenge): Promise<string> {
    const address = tokenAddress(challenge, base);
    if (address === undefined)
      throw new RequestFailed({ kind: "broken", what: "The registry names no token service." });
    // The page's own policy (connect-src 'self') would stop the request without a word.
    if (address.origin !== new URL(base).origin) {
      throw new RequestFailed({ kind: "foreign-realm", realm: address.origin });
    }
    let token = await requestToken(address, credentials);
    for (let rejected = false; token === undefined; rejected = true) {
      credentials = await ask(challenge.service || address.host, rejected);
      if (credentials === undefined) throw new RequestFailed({ kind: "not-signed-in" });
      token = await requestToken(address, credentials);
      if (token === undefined) credentials = undefined;
    }
    tokens.set(challenge.scope, token);
    return token;
  }

  return {
    known: (scope) => tokens.get(scope),
    fetch: (challenge) => {
      const result = queue.then(() => obtain(challenge));
      queue = result.catch(() => undefined);
      return result;
    },
  };
}

/** Undefined where the service wants other credentials. */
async function requestToken(address: URL, credentials: Credentials | undefined): Promise<string | undefined> {
  const headers = new Headers();
  if (credentials !== undefined) {
    const bytes = new TextEncoder().encode(`${credentials.user}:${credentials.password}`);
    headers.set("Authorization", `Basic ${btoa(String.fromCharCode(...bytes))}`);
  }
  // `omit`: the browser must not answer for the user, and stores nothing.
  const answer = await fetch(address, { headers, credentials: "omit", cache: "no-store" }).catch(() => {
    throw new RequestFailed({ kind: "unreachable" });
  });
  if (answer.status === 401 || answer.status === 403) return undefined;
  if (!answer.ok) throw new RequestFailed({ kind: "answer", status: answer.status, code: "", message: "" });
  const fields = object(await answer.json());
  const token = text(fields.token) || text(fields.access_token);
  if (token === "") throw new RequestFailed({ kind: "broken", what: "The token service gave no token." });
  return token;
}
