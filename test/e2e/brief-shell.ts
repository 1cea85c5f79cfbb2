import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, existsSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { debianImage } from "../fixtures/debian-image.ts";
import { type DaemonOptions, GANTRY, startDaemon, type TestDaemon } from "../harness/daemon.ts";
import { startInTerminal, type Terminal } from "../harness/terminal.ts";

/**
 * Docker's everyday commands as people type them, in a shell, with the word `docker` meaning the client under test. The names of the
 * images are tags of one Debian image with bash, nginx and tar.
 */
export const IMAGES = ["ubuntu", "nginx", "centos", "mysql"];
const REAL = ["/usr/local/bin/docker", "/usr/bin/docker"].find((path) => existsSync(path));

/** One client under the name of docker, with a daemon and a home of its own. */
export interface Shell {
  readonly daemon: TestDaemon;
  readonly home: string;
  /** One line for the shell; what it prints, without the last newline. */
  sh: (line: string) => Promise<string>;
  /** What it says where it must not succeed. */
  refused: (line: string) => Promise<string>;
  /** In a terminal. */
  typed: (line: string) => Terminal;
}

/** The same tests for our command and for Docker's own. */
export function describeShells(define: (shell: Shell) => void, options: () => DaemonOptions = () => ({})): void {
  const put = (path: string) => {
    writeFileSync(path, `#!/bin/sh\nGANTRY_INVOKED_AS=docker exec ${GANTRY.join(" ")} "$@"\n`);
    chmodSync(path, 0o755);
  };
  describeShell("gantry under the name of docker", { put, define, options });
  if (REAL === undefined) test.skip("docker's own command line: not installed", () => undefined);
  else describeShell(REAL, { put: (path) => symlinkSync(REAL, path), define, options });
}

interface Client {
  /** Makes it callable under this path. */
  put: (path: string) => void;
  define: (shell: Shell) => void;
  options: () => DaemonOptions;
}

function describeShell(name: string, { put, define, options }: Client): void {
  describe(name, () => {
    let daemon: TestDaemon;
    let home: string;
    let env: Record<string, string>;

    beforeAll(async () => {
      daemon = await startDaemon(options());
      await daemon.load(await debianImage());
      for (const image of IMAGES) await daemon.call("POST", `/images/debian/tag?repo=${image}`);
      home = join(daemon.directory, "home");
      mkdirSync(join(home, "bin"), { recursive: true });
      put(join(home, "bin/docker"));
      env = { HOME: home, PATH: `${join(home, "bin")}:${process.env["PATH"]}`, DOCKER_HOST: daemon.host };
    }, 120_000);
    afterEach(() => daemon?.removeContainers());
    afterAll(() => daemon?.[Symbol.asyncDispose](), 60_000);

    define({
      get daemon() {
        return daemon;
      },
      get home() {
        return home;
      },
      async sh(line) {
        const { code, stdout, stderr } = await daemon.client(["sh", "-c", line], { env, cwd: home });
        if (code !== 0) throw new Error(`${line}: exit code ${code}: ${stderr}`);
        return stdout.replace(/\n$/, "");
      },
      async refused(line) {
        const { code, stderr } = await daemon.client(["sh", "-c", line], { env, cwd: home });
        expect(code).not.toBe(0);
        return stderr;
      },
      typed: (line) => startInTerminal(["sh", "-c", `cd; exec ${line}`], { env }),
    });
  });
}
