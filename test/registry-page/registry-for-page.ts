import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadPage, type PageSettings } from "../../src/registry/page/load-page.ts";
import { freePort } from "../harness/free-port.ts";
import { until } from "../harness/until.ts";

const DOCKER_REGISTRY = "/usr/bin/docker-registry";

export const registryInstalled = existsSync(DOCKER_REGISTRY);

export interface RegistryForPage {
  /** `http://127.0.0.1:port`: page and API on one origin. */
  url: string;
  close(): Promise<void>;
}

export interface RegistryOptions {
  /** What `/ui/config.json` says; undefined: 404. */
  config?: PageSettings;
  /** Answers in the place of the registry; undefined passes the request on. */
  intercept?: (request: Request) => Response | undefined;
}

/** @see the page's contract: the policy that the server sends with it. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'none'",
].join("; ");

/** Debian's registry with the page in front of it, as the page's own server would serve both. */
export async function startRegistryForPage(options: RegistryOptions = {}): Promise<RegistryForPage> {
  const folder = mkdtempSync(join(tmpdir(), "registry-page-store-"));
  const port = freePort();
  const config = {
    version: "0.1",
    log: { level: "error", accesslog: { disabled: true } },
    storage: { filesystem: { rootdirectory: folder }, delete: { enabled: true } },
    http: { addr: `127.0.0.1:${port}` },
  };
  const configFile = join(folder, "config.yml");
  writeFileSync(configFile, JSON.stringify(config));
  const child = Bun.spawn([DOCKER_REGISTRY, "serve", configFile], {
    stdin: "ignore",
    stdout: "ignore",
    stderr: "ignore",
  });
  const stop = async () => {
    child.kill();
    await child.exited;
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    const backend = `http://127.0.0.1:${port}`;
    await until("the registry answers", async () => (await fetch(`${backend}/v2/`)).ok);
    const server = await servePage(backend, options);
    return {
      url: `http://127.0.0.1:${server.port}`,
      close: async () => {
        await server.stop(true);
        await stop();
      },
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function servePage(backend: string, { config, intercept }: RegistryOptions) {
  const page = await loadPage(config);
  return Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    async fetch(request) {
      const url = new URL(request.url);
      const answer = intercept?.(request);
      if (answer !== undefined) return answer;
      const file = page.get(url.pathname);
      if (file !== undefined) {
        const headers = { "Content-Type": file.contentType, ETag: file.etag, "Content-Security-Policy": POLICY };
        return new Response(file.body, { headers });
      }
      if (!url.pathname.startsWith("/v2/")) return new Response("not found", { status: 404 });
      return passOn(backend, request, url);
    },
  });
}

async function passOn(backend: string, request: Request, url: URL): Promise<Response> {
  const headers = new Headers(request.headers);
  headers.set("Host", url.host);
  const body = request.method === "GET" || request.method === "HEAD" ? null : await request.arrayBuffer();
  const options: RequestInit = { method: request.method, headers, redirect: "manual", body };
  return fetch(backend + url.pathname + url.search, options);
}
