import { expect, test } from "bun:test";
import { type FakeRegistry, startFakeRegistry } from "../harness/fake-registry.ts";
import { answer } from "../harness/raw-http.ts";
import { requireBasic, requireToken, startTokenServer, type TokenServer } from "../harness/token-server.ts";
import { ANONYMOUS, clientOf, failureOf, fakeClock, NEVER, NOBODY } from "./client.ts";

const ME = { ...NOBODY, username: "me", password: "pw" };
const BASIC_ME = `Basic ${Buffer.from("me:pw").toString("base64")}`;

async function guarded(tokens: TokenServer): Promise<FakeRegistry> {
  const registry = await startFakeRegistry();
  registry.putImage("a/b", "1", []);
  requireToken(registry, tokens);
  return registry;
}

const authorizations = (registry: FakeRegistry) => registry.seen.map(({ headers }) => headers.authorization ?? "none");
const scopesOf = ({ requests }: TokenServer) => requests.map(({ query }) => query.getAll("scope").join(" "));

test("an anonymous token is asked for once, with what is needed and what the challenge adds", async () => {
  await using tokens = await startTokenServer();
  await using registry = await guarded(tokens);
  const repository = clientOf().repository({ domain: registry.host, path: "a/b" }, ANONYMOUS);
  await repository.manifest("1", NEVER);
  await repository.manifest("1", NEVER);
  expect(authorizations(registry)).toEqual(["none", "Bearer t0", "Bearer t0"]);
  expect(scopesOf(tokens)).toEqual(["repository:a/b:pull repository:from/challenge:pull"]);
  expect(tokens.requests[0]?.query.get("service")).toBe("fake");
  expect(tokens.requests[0]?.authorization).toBeUndefined();
});

test("user and password go to the token server, never to the registry that wants a token", async () => {
  await using tokens = await startTokenServer();
  await using registry = await guarded(tokens);
  const access = { ...ANONYMOUS, credentials: ME };
  await clientOf().repository({ domain: registry.host, path: "a/b" }, access).manifest("1", NEVER);
  expect(tokens.requests.map(({ authorization }) => authorization)).toEqual([BASIC_ME]);
  expect(tokens.requests[0]?.query.get("account")).toBe("me");
  expect(authorizations(registry)).toEqual(["none", "Bearer t0"]);
});

test("an identity token is exchanged by the refresh_token grant", async () => {
  await using tokens = await startTokenServer();
  await using registry = await guarded(tokens);
  const access = { ...ANONYMOUS, credentials: { ...NOBODY, username: "me", identityToken: "id-secret" } };
  await clientOf().repository({ domain: registry.host, path: "a/b" }, access).manifest("1", NEVER);
  expect(
    tokens.requests.map(({ method, form }) => [method, form.get("grant_type"), form.get("refresh_token")]),
  ).toEqual([["POST", "refresh_token", "id-secret"]]);
  expect(tokens.requests[0]?.authorization).toBeUndefined();
});

test("a registry token is sent as it is, and only when asked for", async () => {
  await using tokens = await startTokenServer();
  await using registry = await guarded(tokens);
  tokens.valid.add("given");
  const access = { ...ANONYMOUS, credentials: { ...NOBODY, registryToken: "given" } };
  await clientOf().repository({ domain: registry.host, path: "a/b" }, access).manifest("1", NEVER);
  expect(authorizations(registry)).toEqual(["none", "Bearer given"]);
  expect(tokens.requests).toEqual([]);
});

test("basic credentials go to a registry that asks for them", async () => {
  await using registry = await startFakeRegistry();
  registry.putImage("a/b", "1", []);
  requireBasic(registry, "me:pw");
  const client = clientOf();
  const name = { domain: registry.host, path: "a/b" };
  await client.repository(name, { ...ANONYMOUS, credentials: ME }).manifest("1", NEVER);
  expect(authorizations(registry)).toEqual(["none", BASIC_ME]);
  expect(await failureOf(client.repository(name, ANONYMOUS).manifest("1", NEVER))).toBe(
    "unauthorized: no basic auth credentials",
  );
  const wrong = { ...ANONYMOUS, credentials: { ...ME, password: "wrong" } };
  expect(await failureOf(client.repository(name, wrong).manifest("1", NEVER))).toBe(
    "unauthorized: unauthorized: unauthorized",
  );
});

test("a token is good for its lifetime, and one that the registry takes back before is renewed", async () => {
  await using tokens = await startTokenServer({ more: { expires_in: 100 } });
  await using registry = await guarded(tokens);
  const clock = fakeClock();
  const repository = clientOf({ clock }).repository({ domain: registry.host, path: "a/b" }, ANONYMOUS);
  await repository.manifest("1", NEVER);
  clock.ms += 94_000;
  await repository.manifest("1", NEVER);
  expect(tokens.requests).toHaveLength(1);
  clock.ms += 2000;
  await repository.manifest("1", NEVER);
  expect(tokens.requests).toHaveLength(2);
  tokens.valid.clear();
  await repository.manifest("1", NEVER);
  expect(tokens.requests).toHaveLength(3);
});

test("a token without a lifetime, or with an absurd one, is good for a minute", async () => {
  await using tokens = await startTokenServer({ more: { expires_in: -5 } });
  await using registry = await guarded(tokens);
  const clock = fakeClock();
  const repository = clientOf({ clock }).repository({ domain: registry.host, path: "a/b" }, ANONYMOUS);
  await repository.manifest("1", NEVER);
  clock.ms += 50_000;
  await repository.manifest("1", NEVER);
  clock.ms += 10_000;
  await repository.manifest("1", NEVER);
  expect(tokens.requests).toHaveLength(2);
});

test("tokens are kept apart by account, scope and registry", async () => {
  await using tokens = await startTokenServer();
  await using registry = await guarded(tokens);
  await using other = await guarded(tokens);
  const client = clientOf();
  registry.putImage("c", "1", []);
  await client.repository({ domain: registry.host, path: "a/b" }, ANONYMOUS).manifest("1", NEVER);
  await client
    .repository({ domain: registry.host, path: "a/b" }, { ...ANONYMOUS, credentials: ME })
    .manifest("1", NEVER);
  await client.repository({ domain: registry.host, path: "c" }, ANONYMOUS).manifest("1", NEVER);
  await client.repository({ domain: other.host, path: "a/b" }, ANONYMOUS).manifest("1", NEVER);
  expect(tokens.requests).toHaveLength(4);
});

test("scopes of a push name pull and push, and pull of what is mounted from", async () => {
  await using tokens = await startTokenServer();
  await using registry = await guarded(tokens);
  const access = { ...ANONYMOUS, actions: "pull,push" as const, mountFrom: ["x/y"] };
  const digest = registry.putBlob(Buffer.from("blob"));
  await clientOf().repository({ domain: registry.host, path: "a/b" }, access).mount(digest, "x/y", NEVER);
  expect(scopesOf(tokens)[0]).toStartWith("repository:a/b:pull,push repository:x/y:pull ");
});

test("attack 34: what one registry's account is, another registry never sees", async () => {
  await using registry = await startFakeRegistry();
  await using other = await startFakeRegistry();
  for (const one of [registry, other]) one.putImage("a/b", "1", []);
  requireBasic(registry, "me:pw");
  const client = clientOf();
  await client
    .repository({ domain: registry.host, path: "a/b" }, { ...ANONYMOUS, credentials: ME })
    .manifest("1", NEVER);
  await client.repository({ domain: other.host, path: "a/b" }, ANONYMOUS).manifest("1", NEVER);
  expect(authorizations(other)).toEqual(["none"]);
});

test("a slow token server is left, and one that never ends is cut", async () => {
  const endless = (request: Parameters<typeof answer>[0]) => {
    request.socket.write("HTTP/1.1 200 OK\r\nContent-Length: 999999999\r\n\r\n{");
    const flood = () => {
      while (!request.socket.destroyed && request.socket.write(Buffer.alloc(65_536, 32)));
      request.socket.once("drain", flood);
    };
    flood();
    return true;
  };
  const stall = (request: Parameters<typeof answer>[0]) => {
    request.socket.write('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"tok');
    return true;
  };
  const words = async (hook: typeof stall) => {
    await using tokens = await startTokenServer({ hook });
    await using registry = await guarded(tokens);
    const client = clientOf({ timeouts: { headMs: 300, bodyMs: 300 } });
    return await failureOf(client.repository({ domain: registry.host, path: "a/b" }, ANONYMOUS).manifest("1", NEVER));
  };
  expect(await words(stall)).toMatch(/^unavailable: Get "http:.*\/token.*": i\/o timeout$/);
  expect(await words(() => true)).toMatch(/^unavailable: Get "http:.*\/token.*": i\/o timeout$/);
  expect(await words(endless)).toMatch(/larger than 1048576 bytes/);
});

test("a token server that hangs on a refresh is left, too", async () => {
  await using tokens = await startTokenServer({ hook: () => true });
  await using registry = await guarded(tokens);
  const access = { ...ANONYMOUS, credentials: { ...NOBODY, identityToken: "secret" } };
  const client = clientOf({ timeouts: { headMs: 300 } });
  const words = await failureOf(client.repository({ domain: registry.host, path: "a/b" }, access).manifest("1", NEVER));
  expect(words).toMatch(/i\/o timeout/);
  expect(words).not.toContain("secret");
});

test.each<[string, object, RegExp]>([
  ["no token", { token: "" }, /did not include a token/],
  ["a refusal", { token: null, errors: [{ code: "DENIED", message: "not you" }] }, /did not include a token/],
])("an answer of a token server with %s is no token", async (_what, more, words) => {
  await using tokens = await startTokenServer({ more });
  await using registry = await guarded(tokens);
  const repository = clientOf().repository({ domain: registry.host, path: "a/b" }, ANONYMOUS);
  expect(await failureOf(repository.manifest("1", NEVER))).toMatch(words);
});

test.each(["ftp://x/token", "not a url", "", "http://", "javascript:1"])("a realm %p is refused", async (realm) => {
  await using registry = await guarded({
    realm,
    valid: new Set(),
    requests: [],
    [Symbol.asyncDispose]: async () => {},
  });
  const repository = clientOf().repository({ domain: registry.host, path: "a/b" }, { ...ANONYMOUS, credentials: ME });
  expect(await failureOf(repository.manifest("1", NEVER))).toMatch(/^unauthorized: .*is no URL$/);
});

test("a token for less than was asked is denied in Docker's words", async () => {
  await using tokens = await startTokenServer();
  await using registry = await startFakeRegistry();
  registry.on(/./, (request) => {
    const challenge = `Bearer realm="${tokens.realm}",service="fake",error="insufficient_scope"`;
    answer(request, { status: 401, headers: { "WWW-Authenticate": challenge } });
    return true;
  });
  const repository = clientOf().repository({ domain: registry.host, path: "a/b" }, ANONYMOUS);
  expect(await failureOf(repository.manifest("1", NEVER))).toBe(
    "unauthorized: denied: requested access to the resource is denied",
  );
});

test("login: the account is checked, and the token server's refresh token is given back", async () => {
  await using tokens = await startTokenServer({ more: { refresh_token: "keep-me" } });
  await using registry = await guarded(tokens);
  expect(await clientOf().login(registry.host, ME, NEVER)).toBe("keep-me");
  expect(tokens.requests[0]?.query.get("offline_token")).toBe("true");
  await using basic = await startFakeRegistry();
  requireBasic(basic, "me:pw");
  expect(await clientOf().login(basic.host, ME, NEVER)).toBe("");
  expect(await failureOf(clientOf().login(basic.host, { ...ME, password: "x" }, NEVER))).toMatch(
    /^unauthorized: login attempt to http:\/\/127.0.0.1:\d+\/v2\/ failed with status: 401 Unauthorized/,
  );
});
