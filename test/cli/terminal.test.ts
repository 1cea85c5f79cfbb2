import { expect, test } from "bun:test";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { playOnScreen } from "../harness/screen.ts";
import { gantry, gantryOnTerminal } from "./gantry.ts";

const CONTAINERS = [
  {
    Id: "a".repeat(64),
    Names: ["/web"],
    Image: "debian",
    ImageID: "sha256:d",
    Command: "sh",
    Created: 1,
    State: "running",
    Status: "Up 1 hour",
  },
  {
    Id: "b".repeat(64),
    Names: ["/job"],
    Image: "debian",
    ImageID: "sha256:d",
    Command: "sh",
    Created: 1,
    State: "exited",
    Status: "Exited (3) 1 hour ago",
  },
];
const MEGABYTE = 1_000_000;

/** A daemon that lists two containers, takes archives (a first piece only, when told to `hold`) and gives them. */
function archiveDaemon(options: { hold?: boolean } = {}) {
  const dir = mkdtempSync(`${tmpdir()}/gantry-cli-`);
  const held = Promise.withResolvers<void>();
  const line = (value: unknown) => `${JSON.stringify(value)}\r\n`;
  const server = Bun.serve({
    unix: `${dir}/d.sock`,
    async fetch(request) {
      const path = new URL(request.url).pathname.replace(/^\/v[\d.]+/, "");
      if (path === "/containers/json") return Response.json(CONTAINERS);
      if (path === "/images/load") {
        if (options.hold === true) await held.promise;
        else await request.arrayBuffer();
        return new Response(
          line({ id: "c0ffee", status: "Loading layer", progressDetail: { current: MEGABYTE, total: MEGABYTE } }) +
            line({ stream: "Loaded image: a:1\n" }),
        );
      }
      if (path === "/images/a/get") {
        const body = async function* () {
          yield new Uint8Array(MEGABYTE);
          if (options.hold === true) await held.promise;
        };
        return new Response(body());
      }
      return Response.json({ message: `No such image: ${path}` }, { status: 404 });
    },
  });
  writeFileSync(`${dir}/image.tar`, new Uint8Array(4 * MEGABYTE));
  return {
    dir,
    host: `unix://${dir}/d.sock`,
    [Symbol.dispose]() {
      held.resolve();
      void server.stop(true);
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** What stays on the screen of a program that writes over its last lines, which must give the cursor back. */
function remaining(output: string): string {
  const { lines, cursorVisible } = playOnScreen(output);
  expect(cursorVisible).toBe(true);
  return lines.map((line) => `${line}\n`).join("");
}

test("ps has colours on a terminal, and the same text without them", async () => {
  using daemon = archiveDaemon();
  const plain = await gantry(daemon.host, ["ps", "-a"]);
  const { screen } = await gantryOnTerminal(daemon.host, ["ps", "-a"], []);
  expect(screen).toContain("\u001b[32mUp 1 hour\u001b[0m");
  expect(screen).toContain("\u001b[31mExited (3) 1 hour ago\u001b[0m");
  expect(
    screen
      .replaceAll("\r\n", "\n")
      .replaceAll(`${String.fromCharCode(27)}[0m`, "")
      .replace(/.\[3[12]m/g, ""),
  ).toBe(plain.out);
});

test("NO_COLOR takes them away, and a template of the user's has none", async () => {
  using daemon = archiveDaemon();
  const noColour = await gantryOnTerminal(daemon.host, ["ps", "-a"], [], { NO_COLOR: "1" });
  expect(noColour.screen).not.toContain("\u001b");
  const template = await gantryOnTerminal(daemon.host, ["ps", "--format", "{{.Status}}"], []);
  expect(template.screen).not.toContain("\u001b");
});

test("Error is red on a terminal, and what to do is said", async () => {
  using daemon = archiveDaemon();
  const { screen } = await gantryOnTerminal(daemon.host, ["tag", "nope", "a:2"], []);
  expect(screen).toContain("\u001b[31mError\u001b[0m response from daemon: No such image");
  expect(screen).toContain("'gantry load' and 'gantry import' bring in more.");
});

test("load shows a bar on a terminal, which is gone when it ends", async () => {
  using daemon = archiveDaemon();
  const { code, screen } = await gantryOnTerminal(daemon.host, ["load", "-i", `${daemon.dir}/image.tar`], []);
  expect(code).toBe(0);
  expect(screen).toContain("image.tar [");
  expect(remaining(screen)).toBe("c0ffee: Loading layer 1MB\nLoaded image: a:1\n");
});

test("load -q, and load into a pipe, show no bar", async () => {
  using daemon = archiveDaemon();
  const quiet = await gantryOnTerminal(daemon.host, ["load", "-q", "-i", `${daemon.dir}/image.tar`], []);
  expect(quiet.screen).toBe("Loaded image: a:1\r\n");
  const piped = await gantry(daemon.host, ["load", "-i", `${daemon.dir}/image.tar`]);
  expect(piped).toEqual({ code: 0, out: "Loaded image: a:1\n", err: "" });
});

test("save shows how much has come, and ^C leaves neither a line nor half a file", async () => {
  using daemon = archiveDaemon({ hold: true });
  const keys = [{ when: "saved.tar 1MB", typed: "\x03" }];
  const { code, screen } = await gantryOnTerminal(daemon.host, ["save", "-o", `${daemon.dir}/saved.tar`, "a"], keys);
  expect(code).toBe(130);
  expect(remaining(screen).replace("^C", "").trim()).toBe("");
  expect(readdirSync(daemon.dir).filter((name) => name.startsWith("saved"))).toEqual([]);
});
