import { expect, test } from "bun:test";
import { EngineError, invalid, messageOf } from "../../base/errors.ts";
import { ConnectionError } from "./connection-error.ts";
import { ALL_CAPABILITIES, type Endpoint } from "./endpoint.ts";
import { RegistryError } from "./registry-error.ts";
import { Servers, type SessionDeps } from "./session.ts";
import { TIMEOUTS } from "./timeouts.ts";

const endpoint = (base: string): Endpoint => ({
  base,
  isOrigin: !base.includes("mirror"),
  capabilities: ALL_CAPABILITIES,
  tls: { ca: [], insecure: true },
  headers: {},
});

function serversOf(...bases: string[]): Servers {
  const deps: SessionDeps = {
    hosts: { endpoints: async () => bases.map(endpoint) },
    authorizer: { remembered: () => undefined, answer: async () => "", identityToken: async () => "" },
    userAgent: "test",
    timeouts: TIMEOUTS,
    clock: { monotonicMs: () => 0, now: () => new Date(0), sleep: async () => undefined },
  };
  return new Servers(deps);
}

const refused = (base: string) => new ConnectionError({ method: "GET", url: base }, "connect: connection refused");
const noTls = (base: string) =>
  new ConnectionError({ method: "GET", url: base }, "http: server gave HTTP response to HTTPS client");
const wantsTls = () =>
  new RegistryError(400, "", "received unexpected HTTP status: 400: Client sent an HTTP request to an HTTPS server.");

type Answers = Record<string, Error | undefined>;

/** Who is asked, in order, and what comes of it. */
async function check(servers: Servers, answers: Answers, pastMirrors = false): Promise<string> {
  const asked: string[] = [];
  const outcome = await servers
    .try("a.test", { capability: "pull", pastMirrors }, async ({ base }) => {
      asked.push(base);
      const error = answers[base];
      if (error !== undefined) throw error;
      return "ok";
    })
    .catch(messageOf);
  return `${asked.join(" ")}: ${outcome}`;
}

test("mirrors are asked first and passed over whatever they say, unless they are to be left out", async () => {
  const servers = serversOf("http://mirror", "https://a");
  expect(await check(servers, {})).toBe("http://mirror: ok");
  for (const error of [
    refused("http://mirror"),
    new RegistryError(404, "", "x"),
    invalid("a lie"),
    new EngineError("forbidden", "x"),
  ])
    expect(await check(servers, { "http://mirror": error })).toBe("http://mirror https://a: ok");
  expect(await check(servers, {}, true)).toBe("https://a: ok");
  expect(await check(serversOf("http://mirror"), {}, true)).toBe("http://mirror: ok");
});

test("a bug, or a caller who gave up, is not passed over", async () => {
  expect(await check(serversOf("http://mirror", "https://a"), { "http://mirror": new TypeError("bug") })).toBe(
    "http://mirror: bug",
  );
});

test("the registry's second address is asked only where the first gave no answer, and then remembered", async () => {
  const servers = serversOf("https://a", "http://a");
  expect(await check(servers, { "https://a": new RegistryError(404, "", "gone") })).toBe("https://a: gone");
  expect(await check(servers, { "https://a": noTls("https://a") })).toBe("https://a http://a: ok");
  expect(await check(servers, {})).toBe("http://a: ok");
  // Somebody has given it a certificate since.
  expect(await check(servers, { "http://a": wantsTls() })).toBe("http://a https://a: ok");
  expect(await check(servers, {})).toBe("https://a: ok");
});

test("of two addresses without an answer the more telling is told", async () => {
  const both = { "https://a": noTls("https://a"), "http://a": refused("http://a") };
  expect(await check(serversOf("https://a", "http://a"), both)).toContain(
    'Get "http://a/": connect: connection refused',
  );
  const closed = { "https://a": refused("https://a"), "http://a": refused("http://a") };
  expect(await check(serversOf("https://a", "http://a"), closed)).toContain(
    'Get "https://a/": connect: connection refused',
  );
});
