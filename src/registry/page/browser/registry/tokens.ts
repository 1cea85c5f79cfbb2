import { type BearerChallenge, tokenAddress } from "../model/challenge.ts";
import { object } from "../model/json.ts";
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
  /**
   * A token for the challenge with which `refused` was answered (undefined: no token was sent). Without credentials where the
   * service gives one, else after asking; the user is asked too where a token without credentials was refused. Throws RequestFailed.
   */
  fetch(challenge: BearerChallenge, refused: string | undefined): Promise<string>;
}

/**
 * The token dance of the distribution specification. Tokens and credentials live in this closure only and end with the page.
 * @see https://distribution.github.io/distribution/spec/auth/token/
 */
export function createTokens(base: string, ask: AskCredentials): Tokens {
  const tokens = new Map<string, string>();
  /** Tokens that were given to nobody in particular. */
  const anonymous = new Set<string>();
  let credentials: Credentials | undefined;
  // Many requests meet the first challenge at the same time: they queue, and the user is asked once.
  let queue: Promise<unknown> = Promise.resolve();

  async function obtain(challenge: BearerChallenge, refused: string | undefined): Promise<string> {
    const newer = tokens.get(challenge.scope);
    if (newer !== undefined && newer !== refused) return newer;
    const address = tokenAddress(challenge, base);
    if (address === undefined)
      throw new RequestFailed({ kind: "broken", what: "The registry names no token service." });
    // The page's own policy (connect-src 'self') would stop the request without a word.
    if (address.origin !== new URL(base).origin) {
      throw new RequestFailed({ kind: "foreign-realm", realm: address.origin });
    }
    const wantsUser = refused !== undefined && anonymous.has(refused);
    let token = wantsUser && credentials === undefined ? undefined : await requestToken(address, credentials);
    for (let rejected = false; token === undefined; rejected = true) {
      credentials = await ask(challenge.service || address.host, rejected);
      if (credentials === undefined) throw new RequestFailed({ kind: "not-signed-in" });
      token = await requestToken(address, credentials);
      if (token === undefined) credentials = undefined;
    }
    if (credentials === undefined) anonymous.add(token);
    tokens.set(challenge.scope, token);
    return token;
  }

  return {
    known: (scope) => tokens.get(scope),
    fetch: (challenge, refused) => {
      const result = queue.then(() => obtain(challenge, refused));
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
  const fields = object(await answer.json().catch(() => undefined));
  const token = [fields.token, fields.access_token].find((value) => typeof value === "string" && value !== "");
  if (typeof token !== "string") throw new RequestFailed({ kind: "broken", what: "The token service gave no token." });
  return token;
}
