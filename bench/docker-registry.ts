import { existsSync, mkdtempSync, openSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "../test/harness/free-port.ts";
import { until } from "../test/harness/until.ts";

const PROGRAM = "/usr/bin/docker-registry";

/** Why Debian's registry cannot serve here, or undefined. */
export function whyNoDockerRegistry(): string | undefined {
  return existsSync(PROGRAM) ? undefined : "docker-registry is not installed";
}

export interface BenchRegistry {
  /** `127.0.0.1:port`. */
  host: string;
  /** The file of a blob that it has. */
  blobPath(digest: string): string;
  stop(): Promise<void>;
}

/** Debian's registry on a directory and port of its own. */
export async function startDockerRegistry(): Promise<BenchRegistry> {
  const directory = mkdtempSync(join(tmpdir(), "gantry-bench-registry-"));
  const host = `127.0.0.1:${freePort()}`;
  const config = [
    "version: 0.1",
    "log: {level: error, accesslog: {disabled: true}}",
    `storage: {filesystem: {rootdirectory: ${join(directory, "data")}}, delete: {enabled: true}}`,
    `http: {addr: "${host}"}`,
  ];
  writeFileSync(join(directory, "config.yml"), config.join("\n"));
  const log = openSync(join(directory, "log"), "a");
  const child = Bun.spawn([PROGRAM, "serve", join(directory, "config.yml")], {
    stdin: "ignore",
    stdout: log,
    stderr: log,
  });
  const stop = async () => {
    child.kill();
    await child.exited;
    rmSync(directory, { recursive: true, force: true });
  };
  try {
    await until("docker-registry answers", async () => (await fetch(`http://${host}/v2/`)).ok);
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    host,
    blobPath(digest) {
      const [algorithm = "", hex = ""] = digest.split(":");
      return join(directory, "data/docker/registry/v2/blobs", algorithm, hex.slice(0, 2), hex, "data");
    },
    stop,
  };
}
