import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeAuthority } from "../harness/certificates.ts";
import { checkReport } from "../harness/check-report.ts";
import { GANTRY, startDaemon, type TestDaemon } from "../harness/daemon.ts";
import { type PeerRegistry, startDockerRegistry, whyNoDockerRegistry } from "../harness/docker-registry.ts";
import { dockerArchive } from "../images/fixture.ts";
import { layer } from "../transfers/puller.ts";

/** Somebody else's registry, in all its ways of wanting to be trusted and of trusting, through our daemon by three command lines. */
const CLIENTS: Record<string, string[]> = {
  "docker 28": ["/usr/local/bin/docker"],
  "docker 20.10": ["/usr/bin/docker"],
  gantry: GANTRY,
};
const account = { username: "me", password: "p:w" };

interface Place {
  /** By which it is known to our daemon. */
  domain: string;
  hasAccount: boolean;
}

let daemon: TestDaemon;
let certsDir: string;
const registries: PeerRegistry[] = [];
const places: Record<string, Place> = {};

const why = whyNoDockerRegistry() ?? (existsSync("/usr/bin/openssl") ? undefined : "openssl is not installed");

async function setUp(): Promise<void> {
  using authority = makeAuthority();
  const tls = authority.issue("registry");
  certsDir = mkdtempSync(join(tmpdir(), "gantry-certs-"));
  const kinds = {
    plain: {},
    "with an account": { account },
    "with TLS": { tls },
    "with TLS and an account": { tls, account },
  };
  for (const [kind, options] of Object.entries(kinds)) {
    const registry = await startDockerRegistry(options);
    registries.push(registry);
    const hasTls = "tls" in options;
    // Loopback needs no trust; a name does, and its directory leads here.
    const domain = hasTls ? `${"account" in options ? "both" : "tls"}.registry.test` : registry.host;
    places[kind] = { domain, hasAccount: "account" in options };
    if (!hasTls) continue;
    mkdirSync(join(certsDir, domain));
    writeFileSync(join(certsDir, domain, "own.crt"), authority.ca);
    writeFileSync(join(certsDir, domain, "hosts.toml"), `server = "https://${registry.host}"\nca = "own.crt"\n`);
  }
  daemon = await startDaemon({ flags: ["--certs-dir", certsDir, "--max-concurrent-downloads", "1"] });
}

async function tearDown(): Promise<void> {
  expect(await daemon?.leakCheck()).toEqual([]);
  await daemon?.[Symbol.asyncDispose]();
  for (const registry of registries) await registry[Symbol.asyncDispose]();
  rmSync(certsDir, { recursive: true, force: true });
}

function suite(client: string, command: string[], kinds: string[]): void {
  const config = () => join(daemon.directory, client.replaceAll(" ", "-"));
  const run = (args: string[], input?: string) =>
    daemon.client([...command, ...args], {
      env: { DOCKER_CONFIG: config() },
      ...(input === undefined ? {} : { input }),
    });
  const ok = async (...args: string[]) => {
    const { code, stdout, stderr } = await run(args);
    expect([code, stderr]).toEqual([0, expect.any(String)]);
    return stdout;
  };

  test.each(kinds)(
    `${client} pushes to docker-registry %s, pulls from it, and runs what it pulled`,
    async (kind) => {
      const { domain, hasAccount } = places[kind] as Place;
      mkdirSync(config(), { recursive: true });
      const name = `${domain}/${client.replaceAll(/[^a-z0-9]/g, "-")}/box:1`;
      await ok("tag", "busybox", name);
      if (hasAccount) {
        expect((await run(["push", name])).stderr).toMatch(/no basic auth credentials/);
        expect((await run(["pull", `${name}-none`])).stderr).toMatch(/no basic auth credentials/);
        const wrong = await run(["login", "-u", "me", "--password-stdin", domain], "wrong");
        expect([wrong.code, wrong.stderr]).toEqual([1, expect.stringContaining("401 Unauthorized")]);
        const right = await run(["login", "-u", "me", "--password-stdin", domain], "p:w");
        expect([right.code, right.stdout]).toEqual([0, expect.stringContaining("Login Succeeded")]);
      }
      const pushed = await ok("push", name);
      const digest = /digest: (sha256:[0-9a-f]{64}) size: \d+/.exec(pushed)?.[1];
      expect(digest).toBeDefined();
      const id = await ok("inspect", "-f", "{{.Id}}", name);
      // Without the other names of the image nothing of it is left here.
      for (const tag of await tagsOf(id.trim())) await ok("rmi", tag);
      expect(await ok("run", "--rm", name, "echo", "from there")).toBe("from there\n");
      expect(await ok("inspect", "-f", "{{.Id}} {{index .RepoDigests 0}}", name)).toBe(
        `${id.trim()} ${name.slice(0, -2)}@${digest}\n`,
      );
      expect((await run(["pull", `${name}-none`])).stderr).toContain(
        `manifest for ${name}-none not found: manifest unknown: manifest unknown`,
      );
      await ok("tag", name, "busybox:latest");
      if (hasAccount) await ok("logout", domain);
    },
    60_000,
  );
}

/** Five layers, one after the other: the registry dies after the first. */
async function survival(): Promise<void> {
  const registry = registries[0] as PeerRegistry;
  const name = `${registry.host}/killed/large`;
  const layers = ["a", "b", "c", "d", "e"].map((one) => layer(one, 6_000_000));
  await daemon.request("/images/load?quiet=1", { method: "POST", body: dockerArchive(layers, [`${name}:1`]) });
  const pushed = await (await daemon.request(`/images/${name}/push?tag=1`, { method: "POST" })).text();
  expect(pushed).toContain("digest: sha256:");
  const { Id } = await daemon.call<{ Id: string }>("GET", `/images/${name}:1/json`);
  await daemon.call("DELETE", `/images/${Id}?force=1`);
  const response = await daemon.request(`/images/create?fromImage=${name}&tag=1`, { method: "POST" });
  let text = "";
  let isKilled = false;
  for await (const chunk of response.body as ReadableStream<Uint8Array>) {
    text += Buffer.from(chunk).toString();
    if (isKilled || !text.includes("Download complete")) continue;
    isKilled = true;
    await registry.kill9();
    await registry.start();
  }
  expect(text).toContain("Retrying in 1 second");
  expect(text).toContain(`Status: Downloaded newer image for ${name}:1`);
  expect((await daemon.call<{ Id: string }>("GET", `/images/${name}:1/json`)).Id).toBe(Id);
  expect((await checkReport(daemon)).Problems).toEqual([]);
}

async function tagsOf(id: string): Promise<string[]> {
  return (await daemon.call<{ RepoTags: string[] }>("GET", `/images/${id}/json`)).RepoTags;
}

if (why !== undefined) test.skip(`docker-registry as the peer: ${why}`, () => undefined);
else
  describe("docker-registry", () => {
    beforeAll(setUp, 60_000);
    afterAll(tearDown, 60_000);
    test("a pull whose registry is killed in the middle ends well once there is one again", survival, 60_000);
    test("an account that is wrong is told in the registry's words", async () => {
      const { domain } = places["with an account"] as Place;
      const wrong = JSON.stringify({ username: "me", password: "wrong", serveraddress: domain });
      const headers = { "X-Registry-Auth": Buffer.from(wrong).toString("base64url") };
      const answer = await daemon.request(`/images/create?fromImage=${domain}/a&tag=1`, { method: "POST", headers });
      // No 401: Docker's command line would ask for another account, and wait.
      expect([answer.status, await answer.json()]).toEqual([403, { message: "unauthorized: authentication required" }]);
    });
    const all = ["plain", "with an account", "with TLS", "with TLS and an account"];
    for (const [client, command] of Object.entries(CLIENTS)) {
      if (existsSync(command[0] as string))
        suite(client, command, client === "docker 28" ? all : ["plain", "with TLS and an account"]);
      else test.skip(`${client}: ${command[0]} is not installed`, () => undefined);
    }
  });
