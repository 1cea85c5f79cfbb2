import type { FakeRegistry } from "./fake-registry.ts";
import { refuse } from "./fake-registry.ts";
import { answer, type RawRequest, type ServerTls, serveRaw } from "./raw-http.ts";

/** What was asked of a token server. */
export interface TokenRequest {
  method: string;
  query: URLSearchParams;
  /** Of a POST. */
  form: URLSearchParams;
  authorization: string | undefined;
}

export interface TokenServer extends AsyncDisposable {
  realm: string;
  requests: TokenRequest[];
  /** Tokens that registries of this server take now. */
  valid: Set<string>;
}

export interface TokenServerOptions {
  tls?: ServerTls;
  /** More of the answer than its token: `expires_in`, `refresh_token`. */
  more?: object;
  /** Answers in place of the server. */
  hook?: (request: RawRequest, asked: TokenRequest) => boolean;
}

/** Gives `t0`, `t1`, … to whoever asks. */
export async function startTokenServer({ tls, more = {}, hook }: TokenServerOptions = {}): Promise<TokenServer> {
  const requests: TokenRequest[] = [];
  const valid = new Set<string>();
  const server = await serveRaw(
    async (request) => {
      const asked = {
        method: request.method,
        query: request.query,
        form: new URLSearchParams((await request.body()).toString()),
        authorization: request.headers.authorization,
      };
      requests.push(asked);
      if (hook?.(request, asked) === true) return;
      const token = `t${requests.length - 1}`;
      valid.add(token);
      answer(request, { body: JSON.stringify({ token, ...more }) });
    },
    tls === undefined ? {} : { tls },
  );
  return {
    realm: `${tls === undefined ? "http" : "https"}://127.0.0.1:${server.port}/token`,
    requests,
    valid,
    [Symbol.asyncDispose]: () => server.close(),
  };
}

/** The registry wants a token of that server, for every request. */
export function requireToken(registry: FakeRegistry, { realm, valid }: Pick<TokenServer, "realm" | "valid">): void {
  registry.on(/./, (request) => {
    if (valid.has(/^Bearer (.+)$/.exec(request.headers.authorization ?? "")?.[1] ?? "")) return false;
    const challenge = `Bearer realm="${realm}",service="fake",scope="repository:from/challenge:pull"`;
    refuse(request, 401, "UNAUTHORIZED", { "WWW-Authenticate": challenge });
    return true;
  });
}

/** The registry wants this account. */
export function requireBasic(registry: FakeRegistry, account: string): void {
  registry.on(/./, (request) => {
    if (request.headers.authorization === `Basic ${Buffer.from(account).toString("base64")}`) return false;
    refuse(request, 401, "UNAUTHORIZED", { "WWW-Authenticate": 'Basic realm="fake"' });
    return true;
  });
}
