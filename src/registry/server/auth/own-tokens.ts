import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { linkSync, readFileSync, unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Clock } from "../../../base/clock.ts";
import { DistributionError } from "../http/error-codes.ts";
import type { Routes } from "../http/exchange.ts";
import { replyJson } from "../http/replies.ts";
import { isErrno, readIfThere } from "../storage/files.ts";
import { basicCredentials } from "./basic-credentials.ts";
import type { Passwords } from "./htpasswd.ts";
import type { Claims } from "./web-token.ts";

const KEY_BYTES = 32;
const VALID_SECONDS = 300;
const MAX_SCOPES = 100;
const SCOPE = /^(repository|registry):([^:]{1,300}(?::\d+\/[^:]+)?):([a-z*,]{1,100})$/;

/**
 * Tokens that the registry gives out itself, for "everybody may pull, users may push": clients decide once, at `/v2/`, how they log
 * in, and only with tokens can that be both. The key lies in the storage, so every server on it knows the tokens of the others.
 */
export interface OwnTokens {
  routes: Routes;
  claimsOf(token: string, now: Date): Claims | undefined;
}

export function createOwnTokens(deps: { root: string; passwords: Passwords; clock: Clock }): OwnTokens {
  const key = sharedKey(join(deps.root, "token.key"));
  const sign = (payload: string) => createHmac("sha256", key).update(payload).digest();
  return {
    claimsOf(token, now) {
      const [payload = "", signature = ""] = token.split(".");
      const [given, actual] = [Buffer.from(signature, "base64url"), sign(payload)];
      if (given.length !== actual.length || !timingSafeEqual(given, actual)) return undefined;
      const claims = JSON.parse(Buffer.from(payload, "base64url").toString("utf8")) as Claims & { exp: number };
      return now.getTime() / 1000 < claims.exp ? claims : undefined;
    },
    routes: {
      token: {
        async GET({ request, query }) {
          const given = basicCredentials(request);
          if (given !== undefined && !(await deps.passwords.verify(given.user, given.password)))
            throw new DistributionError("UNAUTHORIZED", { headers: { "WWW-Authenticate": 'Basic realm="registry"' } });
          const expires = Math.floor(deps.clock.now().getTime() / 1000) + VALID_SECONDS;
          const access = scopesOf(query).map((scope) => ({
            ...scope,
            actions: given === undefined ? scope.actions.filter((action) => action === "pull") : scope.actions,
          }));
          const claims: Claims = { sub: given?.user ?? "", exp: expires, access };
          const payload = Buffer.from(JSON.stringify(claims)).toString("base64url");
          const token = `${payload}.${sign(payload).toString("base64url")}`;
          return replyJson(
            { token, access_token: token, expires_in: VALID_SECONDS, issued_at: deps.clock.now().toISOString() },
            { "Cache-Control": "no-store" },
          );
        },
      },
    },
  };
}

/** Clients repeat `scope`, or write several into one with spaces. */
function scopesOf(query: URLSearchParams): { type: string; name: string; actions: string[] }[] {
  const texts = query.getAll("scope").flatMap((text) => text.split(" "));
  return texts.slice(0, MAX_SCOPES).flatMap((text) => {
    const match = SCOPE.exec(text);
    if (match === null) return [];
    return [{ type: match[1] ?? "", name: match[2] ?? "", actions: (match[3] ?? "").split(",") }];
  });
}

/** The first server that needs it makes it; nobody sees it half written. */
function sharedKey(path: string): Buffer {
  const key = readIfThere(path) ?? makeKey(path);
  if (key.length !== KEY_BYTES) throw new Error(`${path}: not a key; remove it, and a new one is made`);
  return key;
}

function makeKey(path: string): Buffer {
  const staged = `${path}.${randomBytes(8).toString("hex")}`;
  writeFileSync(staged, randomBytes(KEY_BYTES), { flag: "wx", mode: 0o600, flush: true });
  try {
    linkSync(staged, path);
  } catch (error) {
    if (!isErrno(error, "EEXIST")) throw error;
  } finally {
    unlinkSync(staged);
  }
  return readFileSync(path);
}
