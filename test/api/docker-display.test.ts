import { afterAll, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { playOnScreen } from "../harness/screen.ts";
import { startInTerminal } from "../harness/terminal.ts";
import { serveFake } from "./harness.ts";

/** Debian's 20.10 and Docker's own 28: their ways of drawing differ. */
const CLIENTS: [name: string, path: string][] = [
  ["docker 20.10", "/usr/bin/docker"],
  ["docker 28", "/usr/local/bin/docker"],
];

const api = await serveFake();
afterAll(() => api[Symbol.asyncDispose]());

for (const [name, path] of CLIENTS) {
  const title = `${name} draws the layers of a pull in place, from what our stream says`;
  test.skipIf(!existsSync(path))(existsSync(path) ? title : `${title} (${path} is not installed)`, async () => {
    const env = { DOCKER_HOST: `unix://${api.socketPath}`, DOCKER_CONFIG: "/proc/nonexistent" };
    const terminal = startInTerminal([path, "pull", "x"], { env, columns: 120, rows: 30 });
    expect(await terminal.exited).toBe(0);
    expect(terminal.screen).toContain("abc: Downloading [=");
    expect(playOnScreen(terminal.screen, 120, 30).lines).toEqual([
      "Using default tag: latest",
      "latest: Pulling from library/x",
      "abc: Pull complete",
      "Status: Downloaded newer image for x:latest",
      "docker.io/library/x:latest",
    ]);
  });
}
