import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Authority, makeAuthority } from "../harness/certificates.ts";
import { type FakeRegistry, startFakeRegistry } from "../harness/fake-registry.ts";
import { answer } from "../harness/raw-http.ts";
import { requireBasic, requireToken, startTokenServer } from "../harness/token-server.ts";
import { ANONYMOUS, bytesOf, clientOf, failureOf, NEVER, NOBODY } from "./client.ts";

/**
 * Loopback addresses are Docker's insecure registries without being named: trust is tested by the name `registry.test`, which a
 * `hosts.toml` leads to a server here.
 */
let authority: Authority;
let stranger: Authority;
let certsDir: string;

beforeAll(() => {
  authority = makeAuthority();
  stranger = makeAuthority();
});
beforeEach(() => {
  certsDir = mkdtempSync(join(tmpdir(), "gantry-certs-"));
});
afterEach(() => rmSync(certsDir, { recursive: true, force: true }));
afterAll(() => {
  authority?.[Symbol.dispose]();
  stranger?.[Symbol.dispose]();
});

const DOMAIN = "registry.test";
const ME = { ...NOBODY, username: "me", password: "pw" };

function configure(domain: string, files: Record<string, string>): void {
  mkdirSync(join(certsDir, domain), { recursive: true });
  for (const [name, text] of Object.entries(files)) writeFileSync(join(certsDir, domain, name), text);
}

const pull = (domain: string = DOMAIN, credentials?: typeof ME, config: object = {}) =>
  clientOf({ config: { certsDirs: [certsDir], ...config }, timeouts: { headMs: 2000 } })
    .repository({ domain, path: "a/b" }, { ...ANONYMOUS, credentials })
    .manifest("1", NEVER);

async function secureRegistry(clientCa?: string): Promise<FakeRegistry> {
  const { cert, key } = authority.issue("server");
  const registry = await startFakeRegistry({ tls: { cert, key, ...(clientCa === undefined ? {} : { clientCa }) } });
  registry.putImage("a/b", "1", []);
  return registry;
}

async function plainRegistry(): Promise<FakeRegistry> {
  const registry = await startFakeRegistry();
  registry.putImage("a/b", "1", []);
  return registry;
}

test("a certificate of an unknown authority is refused in Go's words, one of certs.d is trusted", async () => {
  await using registry = await secureRegistry();
  configure(DOMAIN, { "hosts.toml": `server = "https://${registry.host}"` });
  expect(await failureOf(pull())).toMatch(/^unavailable: Get "https:.*x509: certificate signed by unknown authority$/);
  configure(DOMAIN, { "mine.crt": authority.ca, "hosts.toml": `server = "https://${registry.host}"\nca = "mine.crt"` });
  await pull();
  configure(DOMAIN, {
    "hosts.toml": `server = "https://${registry.host}"\nca = ["other.crt"]`,
    "other.crt": stranger.ca,
  });
  expect(await failureOf(pull())).toMatch(/unknown authority$/);
  configure(DOMAIN, { "hosts.toml": `server = "https://${registry.host}"\nskip_verify = true` });
  await pull();
});

test("a registry that wants a client's certificate gets the one of certs.d, and no other server does", async () => {
  await using registry = await secureRegistry(authority.ca);
  await using elsewhere = await secureRegistry(authority.ca);
  const { cert, key } = authority.issue("it is me");
  const files = { "ca.crt": authority.ca, "me.cert": cert, "me.key": key };
  configure(DOMAIN, { ...files, "hosts.toml": `server = "https://${registry.host}"\nca = "ca.crt"` });
  expect(await failureOf(pull())).toMatch(/^unavailable: /);
  const client = 'client = [["me.cert", "me.key"]]';
  configure(DOMAIN, { "hosts.toml": `server = "https://${registry.host}"\nca = "ca.crt"\n${client}` });
  await pull();
  expect(registry.seen.map(({ client }) => client)).toEqual(["it is me"]);
  registry.on(/manifests/, (request) => {
    answer(request, { status: 307, headers: { Location: `https://${elsewhere.host}${request.target}` } });
    return true;
  });
  expect(await failureOf(pull())).toMatch(/^unavailable: /);
  expect(elsewhere.seen).toEqual([]);
});

test("Docker's own form of certs.d holds for a host with its port: *.crt, *.cert with *.key", async () => {
  await using registry = await secureRegistry(authority.ca);
  const { cert, key } = authority.issue("it is me");
  configure(registry.host, { "ca.crt": authority.ca, "client.cert": cert, "client.key": key });
  await pull(registry.host);
  expect(registry.seen.map(({ client }) => client)).toEqual(["it is me"]);
  rmSync(join(certsDir, registry.host, "client.key"));
  expect(await failureOf(pull(registry.host))).toMatch(
    /^invalid-argument: missing key client.key for client certificate/,
  );
});

test("mirrors are asked before the registry, without its account, for what they may be asked", async () => {
  await using mirror = await plainRegistry();
  await using lists = await plainRegistry();
  await using registry = await plainRegistry();
  requireBasic(registry, "me:pw");
  configure(DOMAIN, {
    "hosts.toml": `server = "http://${registry.host}"
[host."http://${lists.host}"]
capabilities = ["resolve"]
header = { x-team = "blue" }
[host."http://${mirror.host}"]
capabilities = ["pull"]`,
  });
  const client = clientOf({ config: { certsDirs: [certsDir] } });
  const repository = client.repository({ domain: DOMAIN, path: "a/b" }, { credentials: ME, actions: "pull,push" });
  const { digest } = await repository.manifest("1", NEVER);
  await repository.manifest(digest, NEVER);
  expect(lists.requests(/./)).toEqual(["GET /v2/a/b/manifests/1"]);
  expect(lists.seen[0]?.headers).toMatchObject({ "x-team": "blue" });
  expect(lists.seen[0]?.headers.authorization).toBeUndefined();
  expect(mirror.requests(/./)).toEqual([`GET /v2/a/b/manifests/${digest}`]);
  expect(registry.seen).toEqual([]);
  await repository.hasBlob(digest, NEVER);
  expect(registry.requests(/./)).toEqual([`HEAD /v2/a/b/blobs/${digest}`, `HEAD /v2/a/b/blobs/${digest}`]);
});

test.each<[string, (mirror: FakeRegistry) => void]>([
  ["is not there", (mirror) => void mirror.stop()],
  ["has no such image", (mirror) => mirror.manifests.clear()],
  ["wants an account", (mirror) => requireBasic(mirror, "x:y")],
  ["fails", (mirror) => mirror.on(/./, (request) => (answer(request, { status: 500 }), true))],
  [
    "sends other bytes than were asked for",
    (mirror) =>
      mirror.on(
        /./,
        (request) => (
          answer(request, { body: "{}", headers: { "Docker-Content-Digest": `sha256:${"0".repeat(64)}` } }), true
        ),
      ),
  ],
  [
    "redirects for ever",
    (mirror) =>
      mirror.on(/./, (request) => (answer(request, { status: 302, headers: { Location: request.target } }), true)),
  ],
])("a mirror that %s is passed over", async (_what, spoil) => {
  await using mirror = await plainRegistry();
  await using registry = await plainRegistry();
  configure(DOMAIN, { "hosts.toml": `server = "http://${registry.host}"\n[host."http://${mirror.host}"]` });
  spoil(mirror);
  await pull();
  expect(registry.requests(/GET/)).toHaveLength(1);
});

test("--registry-mirror is for Docker Hub only; override_path takes the URL's path as the API's root", async () => {
  await using mirror = await plainRegistry();
  const config = { registryMirrors: [`http://${mirror.host}/`] };
  await pull("docker.io", ME, config);
  expect(mirror.requests(/./)).toEqual(["GET /v2/a/b/manifests/1"]);
  expect(mirror.seen[0]?.headers.authorization).toBeUndefined();
  await using registry = await plainRegistry();
  registry.on(/^GET \/proxy\/hub\/a\/b/, (request) => (answer(request, { body: "{}" }), true));
  configure(DOMAIN, { "hosts.toml": `server = "http://${registry.host}/proxy/hub"\noverride_path = true` });
  await pull();
  expect(registry.requests(/./)).toEqual(["GET /proxy/hub/a/b/manifests/1"]);
  expect(mirror.seen).toHaveLength(1);
});

test("a registry on loopback needs neither TLS nor to be named", async () => {
  await using registry = await plainRegistry();
  await pull(registry.host);
  await pull(`localhost:${new URL(`http://${registry.host}`).port}`);
});

test("attack 34: a token server without TLS gets nothing for a registry with TLS", async () => {
  await using tokens = await startTokenServer();
  await using registry = await secureRegistry();
  requireToken(registry, tokens);
  configure(registry.host, { "ca.crt": authority.ca });
  expect(await failureOf(pull(registry.host, ME))).toMatch(
    /^forbidden: .*its token server http:.* is without TLS: refused$/,
  );
  expect(tokens.requests).toEqual([]);
});

test("a token server elsewhere is trusted by its registry's roots, not by the leave to skip verification", async () => {
  const { cert, key } = stranger.issue("token server");
  await using tokens = await startTokenServer({ tls: { cert, key } });
  await using registry = await secureRegistry();
  requireToken(registry, tokens);
  configure(DOMAIN, { "hosts.toml": `server = "https://${registry.host}"\nskip_verify = true` });
  expect(await failureOf(pull(DOMAIN, ME))).toMatch(/unknown authority$/);
  expect(tokens.requests).toEqual([]);
  configure(DOMAIN, {
    "hosts.toml": `server = "https://${registry.host}"\nskip_verify = true\nca = "both.crt"`,
    "both.crt": `${authority.ca}\n${stranger.ca}`,
  });
  await pull(DOMAIN, ME);
});

test("attack 34: a redirect to another server takes no account and no configured header along", async () => {
  await using storage = await plainRegistry();
  await using registry = await plainRegistry();
  const blob = Buffer.from("the blob");
  const digest = storage.putBlob(blob);
  requireBasic(registry, "me:pw");
  registry.on(/\/blobs\//, (request) => {
    if (request.headers.authorization === undefined) return false;
    answer(request, { status: 307, headers: { Location: `http://${storage.host}/v2/x/blobs/${digest}` } });
    return true;
  });
  configure(DOMAIN, {
    "hosts.toml": `server = "http://${registry.host}"\n[header]\nx-secret = "s"\nauthorization = "Basic configured"`,
  });
  const repository = clientOf({ config: { certsDirs: [certsDir] } }).repository(
    { domain: DOMAIN, path: "a/b" },
    { credentials: ME, actions: "pull", headers: { "X-Meta-Team": "blue" } },
  );
  expect(await bytesOf((await repository.blob(digest, { offset: 0, signal: NEVER })).body)).toEqual(blob);
  expect(registry.seen.at(-1)?.headers["x-secret"]).toBe("s");
  const { authorization, "x-secret": secret, "x-meta-team": team } = storage.seen[0]?.headers ?? {};
  expect([authorization, secret, team]).toEqual([undefined, undefined, undefined]);
  const rest = await repository.blob(digest, { offset: 4, signal: NEVER });
  expect([rest.offset, String(await bytesOf(rest.body))]).toEqual([4, "blob"]);
});

test("attack 34: https to http is refused, ten redirects are the most, and only to http and https", async () => {
  await using plain = await plainRegistry();
  await using registry = await secureRegistry();
  configure(registry.host, { "ca.crt": authority.ca });
  let location = `http://${plain.host}/v2/a/b/manifests/1`;
  registry.on(/manifests/, (request) => {
    answer(request, { status: 302, headers: { Location: location } });
    return true;
  });
  expect(await failureOf(pull(registry.host))).toMatch(
    /^forbidden: .* redirects from https to http:\/\/127.* refused$/,
  );
  expect(plain.seen).toEqual([]);
  location = "/v2/a/b/manifests/1";
  registry.seen.splice(0);
  expect(await failureOf(pull(registry.host))).toMatch(/^unavailable: Get .* stopped after 10 redirects$/);
  expect(registry.seen).toHaveLength(11);
  for (location of ["file:///etc/passwd", "http://[", "ftp://127.0.0.1/"]) {
    expect(await failureOf(pull(registry.host))).toMatch(/^unavailable: Get .* redirected to /);
  }
});

test("attack 34: an upload that is led elsewhere takes neither account nor certificate there", async () => {
  await using storage = await plainRegistry();
  await using registry = await plainRegistry();
  requireBasic(registry, "me:pw");
  registry.on(/^POST .*uploads/, (request) => {
    if (request.headers.authorization === undefined) return false;
    storage.on(/^PUT/, (put) => {
      void put.body().then(() => answer(put, { status: 201 }));
      return true;
    });
    answer(request, { status: 202, headers: { Location: `http://${storage.host}/put/here?signature=1` } });
    return true;
  });
  const blob = Buffer.from("blob");
  const repository = clientOf().repository(
    { domain: registry.host, path: "a/b" },
    { credentials: ME, actions: "pull,push" },
  );
  const source = {
    sizeBytes: 4,
    from: async function* (at: number) {
      yield blob.subarray(at);
    },
  };
  await repository.upload(registry.putBlob(blob), source, NEVER);
  expect(storage.seen.map(({ headers }) => headers.authorization)).toEqual([undefined]);
  expect(storage.seen[0]?.target).toMatch(/^\/put\/here\?signature=1&digest=sha256/);
});
