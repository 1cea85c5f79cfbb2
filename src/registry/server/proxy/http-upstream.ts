import { type Digest, isDigest } from "../../../formats/oci/digest.ts";
import { isObject } from "../../../formats/oci/json.ts";
import { MAX_MANIFEST_BYTES } from "../../../formats/oci/manifest.ts";
import type { Upstream } from "./upstream.ts";

const ANSWER_TIMEOUT_MS = 30_000;
const MAX_REDIRECTS = 5;
const MAX_TOKENS = 1000;
const MAX_TOKEN_ANSWER_BYTES = 1 << 20;
/** What a token lives at least. @see distribution "Token Authentication Specification" */
const DEFAULT_TOKEN_SECONDS = 60;

export interface UpstreamOptions {
  /** `https://registry-1.docker.io`. */
  url: string;
  user: string;
  password: string;
}

interface Session {
  base: URL;
  basic: string | undefined;
  /** By repository; in milliseconds of the monotonic clock. */
  tokens: Map<string, { authorization: string; until: number }>;
}

/** A minimal client of one registry: enough for a mirror, with Basic or Bearer authentication. */
export function createHttpUpstream(options: UpstreamOptions): Upstream {
  const basic = options.user === "" ? undefined : `Basic ${btoa(`${options.user}:${options.password}`)}`;
  const session: Session = { base: new URL(options.url), basic, tokens: new Map() };
  const manifest = (method: string, name: string, reference: string, accept: readonly string[]) =>
    ask(session, name, { method, path: `/v2/${name}/manifests/${reference}`, accept: accept.join(", ") });
  return {
    async getManifest(name, reference, accept) {
      const response = await manifest("GET", name, reference, accept);
      if (response === undefined) return undefined;
      const mediaType = response.headers.get("content-type")?.split(";")[0]?.trim() ?? "";
      return { bytes: await readLimited(response, MAX_MANIFEST_BYTES), mediaType };
    },
    async headManifest(name, reference, accept) {
      const digest = (await manifest("HEAD", name, reference, accept))?.headers.get("docker-content-digest") ?? "";
      return isDigest(digest) ? digest : undefined;
    },
    async getBlob(name, digest: Digest) {
      const response = await ask(session, name, { method: "GET", path: `/v2/${name}/blobs/${digest}`, accept: "*/*" });
      if (response === undefined) return undefined;
      const body = response.body ?? new Blob([]).stream();
      const length = response.headers.get("content-length") ?? "";
      return { sizeBytes: /^\d{1,15}$/.test(length) ? Number(length) : undefined, body };
    },
  };
}

interface Question {
  method: string;
  path: string;
  accept: string;
}

/** undefined: 404. Throws for every other answer but a success. */
async function ask(session: Session, repository: string, question: Question): Promise<Response | undefined> {
  let response = await send(session, question, authorizationFor(session, repository));
  if (response.status === 401) {
    const challenge = response.headers.get("www-authenticate") ?? "";
    await response.body?.cancel();
    response = await send(session, question, await answerChallenge(session, repository, challenge));
  }
  if (response.ok) return response;
  await response.body?.cancel();
  if (response.status === 404) return undefined;
  throw new Error(`upstream ${session.base.host} answered ${response.status} to ${question.method} ${question.path}`);
}

/** Redirects are followed here, so that credentials stay with the registry and nothing leads from TLS to plain HTTP. */
async function send(session: Session, question: Question, authorization: string | undefined): Promise<Response> {
  let url = new URL(question.path, session.base);
  for (let redirect = 0; redirect <= MAX_REDIRECTS; redirect++) {
    const trusted = url.origin === session.base.origin && authorization !== undefined;
    const response = await beforeTimeout(url, {
      method: question.method,
      headers: { Accept: question.accept, ...(trusted ? { Authorization: authorization } : {}) },
      redirect: "manual",
    });
    const location = response.headers.get("location");
    if (response.status < 300 || response.status >= 400 || location === null) return response;
    await response.body?.cancel();
    const next = new URL(location, url);
    if (url.protocol === "https:" && next.protocol !== "https:") throw new Error("upstream redirects to plain HTTP");
    url = next;
  }
  throw new Error(`upstream ${session.base.host} redirects more than ${MAX_REDIRECTS} times`);
}

/** The time-out is for the head of the answer; a body that stalls is its reader's matter. */
async function beforeTimeout(url: URL, init: RequestInit): Promise<Response> {
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(new Error("the upstream does not answer")), ANSWER_TIMEOUT_MS);
  try {
    return await fetch(url, { ...init, signal: controller.signal, decompress: false } as RequestInit);
  } finally {
    clearTimeout(timer);
  }
}

function authorizationFor({ tokens, basic }: Session, repository: string): string | undefined {
  const token = tokens.get(repository);
  return token !== undefined && performance.now() < token.until ? token.authorization : basic;
}

async function answerChallenge(session: Session, repository: string, challenge: string): Promise<string | undefined> {
  if (!/^bearer\s/i.test(challenge)) return session.basic;
  const parameters = new Map(
    [...challenge.matchAll(/(\w+)="([^"]*)"/g)].map(([, key = "", value = ""]) => [key, value]),
  );
  const realm = new URL(parameters.get("realm") ?? "");
  if (session.base.protocol === "https:" && realm.protocol !== "https:") throw new Error("token service without TLS");
  realm.searchParams.set("service", parameters.get("service") ?? "");
  realm.searchParams.set("scope", `repository:${repository}:pull`);
  const headers: Record<string, string> = session.basic === undefined ? {} : { Authorization: session.basic };
  const response = await beforeTimeout(realm, { headers, redirect: "error" });
  if (!response.ok) throw new Error(`token service ${realm.host} answered ${response.status}`);
  const answer: unknown = JSON.parse(Buffer.from(await readLimited(response, MAX_TOKEN_ANSWER_BYTES)).toString("utf8"));
  const fields = isObject(answer) ? answer : {};
  const token = fields["token"] ?? fields["access_token"];
  if (typeof token !== "string" || /[\r\n]/.test(token)) throw new Error(`token service ${realm.host} gave no token`);
  const seconds = typeof fields["expires_in"] === "number" ? fields["expires_in"] : DEFAULT_TOKEN_SECONDS;
  const authorization = `Bearer ${token}`;
  if (session.tokens.size >= MAX_TOKENS) session.tokens.clear();
  session.tokens.set(repository, { authorization, until: performance.now() + seconds * 900 });
  return authorization;
}

async function readLimited(response: Response, limitBytes: number): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  let size = 0;
  for await (const piece of response.body ?? []) {
    size += piece.length;
    if (size > limitBytes) throw new Error(`the upstream's answer exceeds ${limitBytes} bytes`);
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}
