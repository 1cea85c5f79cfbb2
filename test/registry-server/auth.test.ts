import { expect, test } from "bun:test";
import { createSign, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { runProgram } from "../harness/run-program.ts";
import { inProcess, type TestRegistry } from "./in-process.ts";
import { pushBlob, pushImage } from "./push.ts";
import { temporaryDirectory } from "./server-process.ts";

const basic = (user: string, password: string) => ({ Authorization: `Basic ${btoa(`${user}:${password}`)}` });

/** bcrypt as Apache writes it, at its lowest cost. */
function passwordFile(folder: string, users: Record<string, string>): string {
  const path = join(folder, "htpasswd");
  const lines = Object.entries(users).map(
    ([name, password]) =>
      `${name}:${Bun.password.hashSync(password, { algorithm: "bcrypt", cost: 4 }).replace("$2b$", "$2y$")}`,
  );
  writeFileSync(path, `# users\n${lines.join("\n")}\n`);
  return path;
}

test("htpasswd: no request without a password, and the file is read again when it changes", async () => {
  using folder = temporaryDirectory();
  const htpasswd = passwordFile(folder.path, { me: "secret" });
  await using server = await inProcess({ htpasswd, realm: "my registry" });
  const refused = await server.fetch("/v2/");
  expect([refused.status, refused.headers.get("www-authenticate")]).toEqual([401, 'Basic realm="my registry"']);
  expect(refused.headers.get("docker-distribution-api-version")).toBe("registry/2.0");
  const status = async (headers: Record<string, string>, path = "/v2/") =>
    (await server.fetch(path, { headers })).status;
  expect(await status(basic("me", "secret"))).toBe(200);
  for (const wrong of [
    basic("me", "Secret"),
    basic("me", ""),
    basic("you", "secret"),
    basic("", ""),
    { Authorization: "Basic !" },
    { Authorization: "Bearer x" },
  ])
    expect(await status(wrong)).toBe(401);
  for (const path of [
    "/v2/_catalog",
    "/v2/a/tags/list",
    "/v1/search?q=a",
    "/metrics",
    `/v2/a/blobs/uploads/0123456789abcdef0123456789abcdef`,
  ])
    expect(await status({}, path)).toBe(401);
  expect(await status({}, "/healthz")).toBe(200);
  const me = { url: server.url, headers: basic("me", "secret") };
  await pushImage(me, "mine", "v1");
  passwordFile(folder.path, { me: "changed" });
  expect([await status(basic("me", "secret")), await status(basic("me", "changed"))]).toEqual([401, 200]);
});

test("a verified password is not computed again; a wrong one costs the same for users that there are and that there are not", async () => {
  using folder = temporaryDirectory();
  const path = join(folder.path, "htpasswd");
  const { stdout } = await runProgram(["htpasswd", "-nbBC", "11", "me", "secret"]);
  writeFileSync(path, stdout);
  await using server = await inProcess({ htpasswd: path });
  const time = async (headers: Record<string, string>) => {
    const start = performance.now();
    await server.fetch("/v2/", { headers });
    return performance.now() - start;
  };
  const first = await time(basic("me", "secret"));
  const again = Math.min(...(await Promise.all([1, 2, 3].map(() => time(basic("me", "secret"))))));
  expect(again).toBeLessThan(first / 3);
  const known = Math.min(await time(basic("me", "a")), await time(basic("me", "b")), await time(basic("me", "c")));
  const unknown = Math.min(await time(basic("no", "a")), await time(basic("no", "b")), await time(basic("no", "c")));
  expect(unknown / known).toBeGreaterThan(0.5);
  expect(unknown / known).toBeLessThan(2);
});

test.each(["me:{SHA}abc", "me:$apr1$x$y", "me", "me:plain"])(
  "a password file with %p is refused at the start",
  async (line) => {
    using folder = temporaryDirectory();
    const path = join(folder.path, "htpasswd");
    writeFileSync(path, `${line}\n`);
    const failure = await inProcess({ htpasswd: path }).then(() => "none", String);
    expect(failure).toContain("line 1 is no bcrypt entry");
  },
);

test("anonymous pull: everybody gets a token to pull with, users one to push with, and no token is made up", async () => {
  using folder = temporaryDirectory();
  const htpasswd = passwordFile(folder.path, { me: "secret" });
  await using server = await inProcess({ htpasswd, "anonymous-pull": "true" });
  const challenge = (await server.fetch("/v2/")).headers.get("www-authenticate") ?? "";
  expect(challenge).toBe(`Bearer realm="${server.url}/auth/token",service="Registry"`);
  const tokenFor = async (scope: string, headers = {}) => {
    const response = await server.fetch(`/auth/token?service=Registry&scope=${scope}`, { headers });
    return response.ok ? ((await response.json()) as { token: string }).token : response.status;
  };
  const as = (token: string | number) => ({ url: server.url, headers: { Authorization: `Bearer ${token}` } });
  const me = as(await tokenFor("repository:team/app:pull,push", basic("me", "secret")));
  await pushImage(me, "team/app", "v1");
  expect(await tokenFor("repository:team/app:pull", basic("me", "wrong"))).toBe(401);
  const anybody = as(await tokenFor("repository:team/app:pull,push"));
  expect((await server.fetch("/v2/team/app/manifests/v1", { headers: anybody.headers })).status).toBe(200);
  expect(await pushImage(anybody, "team/app", "v2").catch(String)).toContain(": 401 ");
  const [payload = "", signature = ""] = anybody.headers.Authorization.slice(7).split(".");
  const wider = Buffer.from(Buffer.from(payload, "base64url").toString().replace('["pull"]', '["push","pull"]'));
  for (const forged of [`${wider.toString("base64url")}.${signature}`, `${payload}.`, payload, `${payload}.AAAA`])
    expect((await server.fetch("/v2/", { headers: as(forged).headers })).status).toBe(401);
});

const CLAIMS = { iss: "issuer", aud: "registry", sub: "me", exp: 4_000_000_000 };
const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");

interface TokenParts {
  key: KeyObject;
  claims?: object;
  algorithm?: string;
}

function tokenOf({ key, claims = {}, algorithm = "ES256" }: TokenParts): string {
  const signed = `${encode({ alg: algorithm, typ: "JWT" })}.${encode({ ...CLAIMS, ...claims })}`;
  const signature =
    algorithm === "RS256"
      ? createSign("sha256").update(signed).sign(key)
      : sign("sha256", Buffer.from(signed), { key, dsaEncoding: "ieee-p1363" });
  return `${signed}.${signature.toString("base64url")}`;
}

const repository = (name: string, ...actions: string[]) => ({ type: "repository", name, actions });

/** A server that trusts an ES256 key (as JSON Web Key Set) and an RS256 key (as PEM). */
async function tokenServer(folder: string): Promise<{ server: TestRegistry; ec: KeyObject; rsa: KeyObject }> {
  const ec = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const [jwks, pem] = [join(folder, "jwks.json"), join(folder, "key.pem")];
  writeFileSync(jwks, JSON.stringify({ keys: [{ ...ec.publicKey.export({ format: "jwk" }), kid: "one" }] }));
  writeFileSync(pem, rsa.publicKey.export({ format: "pem", type: "spki" }));
  const server = await inProcess({
    "token-realm": "https://auth.example/token",
    "token-service": "registry",
    "token-issuer": "issuer",
    "token-keys": [jwks, pem],
  });
  return { server, ec: ec.privateKey, rsa: rsa.privateKey };
}

test("tokens: what they allow and no more, by both kinds of signature; the challenge names what is missing", async () => {
  using folder = temporaryDirectory();
  const { server, ec, rsa } = await tokenServer(folder.path);
  await using _ = server;
  const as = (parts: TokenParts) => ({ url: server.url, headers: { Authorization: `Bearer ${tokenOf(parts)}` } });
  const pusher = as({ key: ec, claims: { access: [repository("a", "pull", "push")] } });
  await pushImage(pusher, "a", "v1");
  const puller = as({
    key: rsa,
    algorithm: "RS256",
    claims: { aud: ["other", "registry"], access: [repository("a", "pull")] },
  });
  const status = async (target: { headers: Record<string, string> }, method: string, path: string) =>
    (await server.fetch(path, { method, headers: target.headers })).status;
  expect(await status(puller, "GET", "/v2/a/manifests/v1")).toBe(200);
  expect(await status(puller, "GET", "/v2/")).toBe(200);
  expect(await status(puller, "GET", "/v2/b/manifests/v1")).toBe(401);
  expect(await status(puller, "POST", "/v2/a/blobs/uploads/")).toBe(401);
  expect(await status(pusher, "DELETE", "/v2/a/manifests/v1")).toBe(401);
  expect(await status(puller, "GET", "/v2/_catalog")).toBe(401);
  const lister = as({ key: ec, claims: { access: [{ type: "registry", name: "catalog", actions: ["*"] }] } });
  expect(await status(lister, "GET", "/v2/_catalog")).toBe(200);
  const deleter = as({ key: ec, claims: { access: [repository("a", "*")] } });
  expect(await status(deleter, "DELETE", "/v2/a/manifests/v1")).toBe(202);
  const refused = await server.fetch("/v2/a/blobs/uploads/", { method: "POST", headers: puller.headers });
  expect(refused.headers.get("www-authenticate")).toBe(
    'Bearer realm="https://auth.example/token",service="registry",scope="repository:a:pull,push",error="insufficient_scope"',
  );
});

test("attack 39: a mount from a repository without rights to it is refused, and tells not whether the blob is there", async () => {
  using folder = temporaryDirectory();
  const { server, ec } = await tokenServer(folder.path);
  await using _ = server;
  const as = (...access: object[]) => ({
    url: server.url,
    headers: { Authorization: `Bearer ${tokenOf({ key: ec, claims: { access } })}` },
  });
  const digest = await pushBlob(as(repository("secret", "pull", "push")), "secret", "hidden");
  const mount = async (target: { headers: Record<string, string> }, wanted: string) => {
    const path = `/v2/mine/blobs/uploads/?mount=${wanted}&from=secret`;
    const response = await server.fetch(path, { method: "POST", headers: target.headers });
    return [response.status, await response.text(), response.headers.get("www-authenticate")];
  };
  const thief = as(repository("mine", "pull", "push"));
  const real = await mount(thief, digest);
  expect(real).toEqual(await mount(thief, `sha256:${"0".repeat(64)}`));
  expect(real[0]).toBe(401);
  expect(real[2]).toContain('scope="repository:mine:pull,push repository:secret:pull"');
  expect((await server.fetch(`/v2/mine/blobs/${digest}`, { headers: thief.headers })).status).toBe(404);
  const friend = as(repository("mine", "pull", "push"), repository("secret", "pull"));
  expect((await mount(friend, digest))[0]).toBe(201);
});

test("tokens that are expired, early, for others, by others, unsigned or signed with the public key are refused", async () => {
  using folder = temporaryDirectory();
  const { server, ec, rsa } = await tokenServer(folder.path);
  await using _ = server;
  const stranger = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
  const good = tokenOf({ key: ec });
  const [head = "", payload = "", signature = ""] = good.split(".");
  const hmacHead = encode({ alg: "HS256", typ: "JWT" });
  const pem = await Bun.file(join(folder.path, "key.pem")).text();
  const hmac = new Bun.CryptoHasher("sha256", pem).update(`${hmacHead}.${payload}`).digest("base64url");
  const bad = {
    expired: tokenOf({ key: ec, claims: { exp: Date.now() / 1000 - 120 } }),
    "without end": tokenOf({ key: ec, claims: { exp: undefined } }),
    early: tokenOf({ key: ec, claims: { nbf: Date.now() / 1000 + 3600 } }),
    "for another service": tokenOf({ key: ec, claims: { aud: "other" } }),
    "of another issuer": tokenOf({ key: ec, claims: { iss: "other" } }),
    "by a stranger": tokenOf({ key: stranger }),
    "of the wrong kind": tokenOf({ key: rsa, algorithm: "ES256" }),
    unsigned: `${encode({ alg: "none" })}.${payload}.`,
    "signed with the public key": `${hmacHead}.${payload}.${hmac}`,
    cut: `${head}.${payload}`,
    changed: `${head}.${encode({ ...CLAIMS, sub: "root" })}.${signature}`,
    nonsense: "a.b.c",
  };
  const status = async (token: string) =>
    (await server.fetch("/v2/", { headers: { Authorization: `Bearer ${token}` } })).status;
  expect(await status(good)).toBe(200);
  for (const [name, token] of Object.entries(bad)) expect([name, await status(token)]).toEqual([name, 401]);
});
