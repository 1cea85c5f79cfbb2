import { createSystemClock } from "../../src/base/clock.ts";
import { silentLogger } from "../../src/base/logger.ts";
import { lockFile } from "../../src/kernel/file-lock.ts";
import { resolveConfig, type Settings } from "../../src/registry/server/config/config.ts";
import type { LoadPage } from "../../src/registry/server/routes/page.ts";
import { type Registry, startRegistry } from "../../src/registry/server/start-registry.ts";
import { temporaryDirectory } from "./server-process.ts";

export interface TestRegistry extends AsyncDisposable {
  url: string;
  root: string;
  registry: Registry;
  /** Lines of the access log. */
  lines: string[];
  fetch(path: string, init?: RequestInit): Promise<Response>;
}

/** A server in this process, on a directory of its own unless `root` says otherwise. */
export async function inProcess(
  settings: Record<string, string | string[]> = {},
  loadPage?: LoadPage,
): Promise<TestRegistry> {
  const directory = temporaryDirectory();
  const texts: Settings = { root: [directory.path], listen: ["127.0.0.1:0"], "gc-interval": ["0s"] };
  for (const [name, value] of Object.entries(settings)) texts[name] = Array.isArray(value) ? value : [value];
  const config = resolveConfig(texts);
  const lines: string[] = [];
  const deps = {
    lock: lockFile,
    clock: createSystemClock(),
    logger: silentLogger,
    accessLog: { write: (text: string) => void lines.push(...text.trimEnd().split("\n")), pendingBytes: () => 0 },
    ...(loadPage === undefined ? {} : { loadPage }),
  };
  let registry: Registry;
  try {
    registry = await startRegistry(config, deps);
  } catch (error) {
    directory[Symbol.dispose]();
    throw error;
  }
  const url = `http://127.0.0.1:${registry.port}`;
  return {
    url,
    root: config.root,
    registry,
    lines,
    fetch: (path, init) => fetch(`${url}${path}`, init),
    async [Symbol.asyncDispose]() {
      await registry.stop();
      directory[Symbol.dispose]();
    },
  };
}
