import { expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createMatcher, parseIgnoreFile } from "../../src/formats/dockerignore/patterns.ts";
import { createTarParser } from "../../src/formats/tar/parser.ts";
import { runProgram } from "../harness/run-program.ts";
import { createRandom } from "../images/random-layer.ts";

/**
 * Docker's own command leaves out what moby's patternmatcher says, before a context leaves it. Here it sends contexts to us, and we
 * look which files it sent.
 */
const DOCKER_28 = "/usr/local/bin/docker";
const missing = existsSync(DOCKER_28) ? "" : ` (${DOCKER_28} is not installed)`;

const SEED = Number(process.env.GANTRY_FUZZ_SEED ?? Math.floor(Math.random() * 2 ** 31));
const ROUNDS = 60;

/** A tree in which short patterns find something. */
const FILES =
  "a b ab aab.log b.log c/a c/b c/ab/a c/ab/b.log c/d/a c/d/e/a d/a d/b d/c/a.log d/c/b x.y/a x.y/b.log [z] ä/b e/f/g/h/a".split(
    " ",
  );

/** `\\` stands before what is special only: moby takes `\\a` for what it means in a regular expression of Go. */
const PARTS =
  "a b ab c d e x.y * ** *.log a* *b ?b ? [ab] [^a] [a-c]* ab* *\\.log \\[z\\] *.* e/f c/* c/d **/a .".split(" ");

/** Exceptions without wildcards only: the classic way does not look into a directory for others, BuildKit's does. */
const PLAIN = "a b ab c d e x.y c/a c/ab c/d d/c e/f/g ./c/d/ /d/a".split(" ");

function randomFile(random: (below: number) => number): string[] {
  const pick = (from: string[]) => from[random(from.length)] as string;
  return Array.from({ length: 1 + random(5) }, () => {
    if (random(3) === 0) return `!${pick(PLAIN)}`;
    const parts = Array.from({ length: 1 + random(3) }, () => pick(PARTS));
    // In moby `[^a]` may be a slash; for us, as in a shell, it may not.
    return parts.join(random(12) === 0 && !parts.includes("[^a]") ? "" : "/");
  });
}

/** The paths of files that the command sends for a context. */
async function filesSent(context: string, socket: string, sent: () => Uint8Array): Promise<string[]> {
  const env = { DOCKER_BUILDKIT: "0", DOCKER_HOST: `unix://${socket}`, DOCKER_CONFIG: join(context, "../config") };
  const { code, stderr } = await runProgram([DOCKER_28, "build", "-q", context], { env });
  if (code !== 0) throw new Error(stderr);
  return namesIn(sent());
}

function namesIn(tar: Uint8Array): string[] {
  const names: string[] = [];
  const parser = createTarParser({
    entry: (entry) => {
      if (entry.type === "file") names.push(entry.name.toString());
    },
    data: () => {},
    close: () => {},
  });
  parser.push(tar);
  parser.end();
  return names;
}

test.skipIf(missing !== "")(
  `patterns leave out what docker 28 leaves out (GANTRY_FUZZ_SEED=${SEED})${missing}`,
  async () => {
    const folder = mkdtempSync(join(tmpdir(), "gantry-ignore-"));
    const context = join(folder, "context");
    for (const path of FILES) {
      mkdirSync(join(context, dirname(path)), { recursive: true });
      writeFileSync(join(context, path), "");
    }
    writeFileSync(join(context, "Dockerfile"), "FROM scratch\n");
    let body = new Uint8Array();
    const socket = join(folder, "socket");
    const server = Bun.serve({
      unix: socket,
      fetch: async (request) => {
        if (!new URL(request.url).pathname.endsWith("/build"))
          return new Response("OK", { headers: { "Api-Version": "1.45" } });
        body = new Uint8Array(await request.arrayBuffer());
        return new Response('{"stream":"sha256:0\\n"}\n', { headers: { "Content-Type": "application/json" } });
      },
    });
    try {
      const random = createRandom(SEED);
      for (let round = 0; round < ROUNDS; round++) {
        const text = `${randomFile(random).join("\n")}\n`;
        writeFileSync(join(context, ".dockerignore"), text);
        const sent = await filesSent(context, socket, () => body);
        const matcher = createMatcher(parseIgnoreFile(text));
        const kept = FILES.filter((path) => !matcher.matches(path));
        expect({ text, files: kept.sort() }).toEqual({
          text,
          files: FILES.filter((path) => sent.includes(path)).sort(),
        });
      }
    } finally {
      await server.stop(true);
      rmSync(folder, { recursive: true, force: true });
    }
  },
  60_000,
);
