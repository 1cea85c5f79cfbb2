import { createPublicKey, type JsonWebKeyInput, type KeyObject, verify, X509Certificate } from "node:crypto";
import { invalid } from "../../../base/errors.ts";

/** Signatures that a token may have; `none` and keyed hashes (which a public key would satisfy) are not among them. */
const ALGORITHMS: Record<string, { keyType: string; curve?: string }> = {
  RS256: { keyType: "rsa" },
  ES256: { keyType: "ec", curve: "prime256v1" },
};
/** Characters of a token; those of real services have a few thousand. */
const MAX_TOKEN_LENGTH = 16_384;
/** Difference between two clocks. */
const LEEWAY_SECONDS = 60;

export interface TrustedKey {
  id?: string;
  key: KeyObject;
}

export interface TokenRules {
  keys: readonly TrustedKey[];
  issuer: string;
  service: string;
}

type WebKey = JsonWebKeyInput["key"] & { kid?: unknown };

/** What a token says of itself, and the rights in it. @see distribution "Token Authentication Implementation" */
export interface Claims {
  iss?: unknown;
  aud?: unknown;
  sub?: unknown;
  exp?: unknown;
  nbf?: unknown;
  access?: unknown;
}

/** The claims of a token that one of the keys signed for this service and that is valid at `now`; else undefined. */
export function verifyToken(token: string, rules: TokenRules, now: Date): Claims | undefined {
  if (token.length > MAX_TOKEN_LENGTH) return undefined;
  const [header = "", payload = "", signature = "", ...more] = token.split(".");
  if (more.length > 0 || signature === "") return undefined;
  const head = decode(header) as { alg?: unknown; kid?: unknown } | undefined;
  const algorithm = typeof head?.alg === "string" && Object.hasOwn(ALGORITHMS, head.alg) ? head.alg : undefined;
  if (algorithm === undefined) return undefined;
  const signed = Buffer.from(`${header}.${payload}`);
  const bytes = Buffer.from(signature, "base64url");
  const genuine = candidates(rules.keys, head?.kid, algorithm).some((key) => isSigned(key, signed, bytes));
  const claims = genuine ? (decode(payload) as Claims | undefined) : undefined;
  return claims !== undefined && isValid(claims, rules, now) ? claims : undefined;
}

/** Keys that fit; the one that the token names, where we know it by that name. */
function candidates(keys: readonly TrustedKey[], id: unknown, algorithm: string): KeyObject[] {
  const named = keys.filter((key) => key.id !== undefined && key.id === id);
  const { keyType, curve } = ALGORITHMS[algorithm] ?? {};
  return (named.length > 0 ? named : keys)
    .map(({ key }) => key)
    .filter((key) => key.asymmetricKeyType === keyType)
    .filter((key) => curve === undefined || key.asymmetricKeyDetails?.namedCurve === curve);
}

function isSigned(key: KeyObject, signed: Buffer, signature: Buffer): boolean {
  try {
    return verify("sha256", signed, { key, dsaEncoding: "ieee-p1363" }, signature);
  } catch {
    // A signature of a form that the key cannot have.
    return false;
  }
}

function isValid({ iss, aud, exp, nbf }: Claims, rules: TokenRules, now: Date): boolean {
  const seconds = now.getTime() / 1000;
  const audience = Array.isArray(aud) ? aud : [aud];
  if (iss !== rules.issuer || !audience.includes(rules.service)) return false;
  if (typeof exp !== "number" || seconds >= exp + LEEWAY_SECONDS) return false;
  return nbf === undefined || (typeof nbf === "number" && seconds >= nbf - LEEWAY_SECONDS);
}

function decode(part: string): unknown {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, "base64url").toString("utf8"));
    return typeof value === "object" && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Keys of a file: PEM public keys, PEM certificates, or a JSON Web Key (Set). Throws invalid-argument. */
export function readKeys(text: string, what: string): TrustedKey[] {
  try {
    const keys = text.trimStart().startsWith("{") ? webKeys(text) : pemKeys(text);
    if (keys.length > 0) return keys;
  } catch (cause) {
    throw invalid(`${what}: ${(cause as Error).message}`, { cause });
  }
  throw invalid(`${what}: holds no public key`);
}

function webKeys(text: string): TrustedKey[] {
  const document = JSON.parse(text) as WebKey & { keys?: WebKey[] };
  return (document.keys ?? [document]).map((jwk) => ({
    key: createPublicKey({ key: jwk, format: "jwk" }),
    ...(typeof jwk.kid === "string" ? { id: jwk.kid } : {}),
  }));
}

function pemKeys(text: string): TrustedKey[] {
  const blocks = text.match(/-----BEGIN ([A-Z ]+)-----[\s\S]+?-----END \1-----/g) ?? [];
  return blocks
    .filter((block) => !block.includes("PRIVATE KEY"))
    .map((block) => ({
      key: block.includes("CERTIFICATE") ? new X509Certificate(block).publicKey : createPublicKey(block),
    }));
}
