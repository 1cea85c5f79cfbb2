import { expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createRandom } from "../../../test/images/random-layer.ts";
import { EngineError } from "../../base/errors.ts";
import { createMatcher } from "../dockerignore/patterns.ts";
import { runChecks } from "./checks/run-checks.ts";
import { DockerfileError } from "./dockerfile-error.ts";
import { expandHeredoc, expandWords } from "./expand.ts";
import type { Dockerfile } from "./instructions.ts";
import { parseDockerfile, parseInstruction } from "./parse.ts";
import { parseRunMount } from "./run-mount.ts";

/** The seed is part of the name of the tests; `GANTRY_FUZZ_SEED` repeats a run. */
const SEED = Number(process.env.GANTRY_FUZZ_SEED ?? Math.floor(Math.random() * 2 ** 31));
const ROUNDS = Number(process.env.GANTRY_FUZZ_ROUNDS ?? 4000);

/** No file of this size may take longer, in milliseconds; a hang would be seconds. */
const MAX_MS_EACH = 500;

const PIECES =
  '\\|`|\'|"|$|${|}|:-|:?|#|%|/|//|*|?|[|]|<<|<<-|<<EOF|EOF|\n|\r\n|\t| |--|--mount=|--from=|=|,|;|ONBUILD |RUN |FROM x\n|COPY |ENV |ARG |HEALTHCHECK |CMD [|"]|# escape=`\n|# check=|# syntax=|#!|\ufeff|\u0000|\u00a0|ä|🚢|\ud800|é|999999999999|-1|\\\n|\\\\\n|# c\n'.split(
    "|",
  );

function corpus(): string[] {
  const root = join(import.meta.dir, "testdata");
  const files: string[] = [];
  for (const directory of [root, join(root, "negative")])
    for (const name of readdirSync(directory)) {
      const path = join(directory, name, "Dockerfile");
      if (existsSync(path)) files.push(readFileSync(path, "utf8"));
    }
  return files;
}

function mutate(text: string, random: (below: number) => number, other: string): string {
  let result = text;
  for (let count = 1 + random(6); count > 0; count--) {
    const at = random(result.length + 1);
    const piece = PIECES[random(PIECES.length)] as string;
    const kind = random(6);
    if (kind === 0) result = result.slice(0, at) + result.slice(at + 1 + random(8));
    else if (kind === 1) result = result.slice(0, at) + piece.repeat(1 + random(40)) + result.slice(at);
    else if (kind === 2) result = result.slice(0, at) + other.slice(random(other.length + 1)) + result.slice(at);
    else if (kind === 3) result = result.slice(0, at) + result.slice(random(result.length + 1));
    else result = result.slice(0, at) + piece + result.slice(at);
    if (result.length > 20_000) result = result.slice(0, 20_000);
  }
  return result;
}

/** Everything that is done with a Dockerfile; nothing but the errors of bad input may come out. */
function useAll(source: string): void {
  const dockerfile = expected(() => parseDockerfile(source), DockerfileError);
  if (dockerfile === undefined) return;
  const input = { dockerfile, source, fileName: "Dockerfile", buildArgs: {}, platformArgs: {}, reachable: undefined };
  runChecks({ ...input, ignorePatterns: ["*.log"], baseImage: () => ({ env: [], hasShell: false }) });
  for (const instruction of dockerfile.stages.flatMap((stage) => stage.instructions)) {
    const lookup = (name: string) => (name.length % 2 === 0 ? `${name} value` : undefined);
    expected(() => expandWords(instruction.text, lookup), DockerfileError);
    if (instruction.kind === "run")
      for (const { written } of instruction.mounts)
        expected(() => parseRunMount(written, (word) => word), DockerfileError);
    if (instruction.kind === "copy") {
      for (const { content } of instruction.heredocs) expected(() => expandHeredoc(content, lookup), DockerfileError);
      expected(() => createMatcher(instruction.exclude), EngineError);
    }
    if (instruction.kind === "onbuild") checkTrigger(instruction.trigger, dockerfile);
  }
}

/** What ONBUILD keeps can be read by the build that uses the image. */
function checkTrigger(trigger: string, { directives }: Dockerfile): void {
  expected(() => parseInstruction(trigger, directives.escape), DockerfileError);
}

function expected<T>(act: () => T, kind: new (...given: never[]) => Error): T | undefined {
  try {
    return act();
  } catch (error) {
    if (error instanceof kind) return undefined;
    throw error;
  }
}

test(`whatever a Dockerfile holds, it is read or refused, and soon (GANTRY_FUZZ_SEED=${SEED})`, () => {
  const random = createRandom(SEED);
  const files = corpus();
  for (let round = 0; round < ROUNDS; round++) {
    const pick = () => files[random(files.length)] as string;
    const source = mutate(pick(), random, pick());
    const startedAt = performance.now();
    try {
      useAll(source);
    } catch (error) {
      throw new Error(`round ${round}: ${JSON.stringify(source)}`, { cause: error });
    }
    const tookMs = performance.now() - startedAt;
    if (tookMs > MAX_MS_EACH) throw new Error(`round ${round} took ${tookMs} ms: ${JSON.stringify(source)}`);
  }
});

/** Texts of `size` characters that make careless readers slow. */
const SLOW: Record<string, (size: number) => string> = {
  "blanks in a directive": (size) => `# syntax=a${" ".repeat(size)}b\nFROM x\n`,
  "blanks behind a continuation": (size) => `FROM x\nRUN a${" \\".repeat(size / 2)}x\n`,
  "blanks in a document's mark": (size) => `FROM x\nRUN <<${"\t".repeat(size)}<\n`,
  "marks without end": (size) => `FROM x\nRUN ${"<".repeat(size)}\n`,
  "digits before a mark": (size) => `FROM x\nRUN ${"1".repeat(size)}<a\n`,
  continuations: (size) => `FROM x\nRUN ${"\\\n".repeat(size / 2)}a\n`,
  "empty continuations": (size) => `FROM x\nRUN a \\${"\n".repeat(Math.min(size, 400_000))}b\n`,
  quotes: (size) => `FROM x\nENV A="${'\\"'.repeat(size / 2)}"\n`,
  "open quotes": (size) => `FROM x\nENV ${"A='b\" ".repeat(size / 6)}\n`,
  brackets: (size) => `FROM x\nCMD ${"[".repeat(size)}\n`,
  commas: (size) => `FROM x\nRUN --mount=${",".repeat(size)} a\n`,
  flags: (size) => `FROM x\nCOPY ${"--exclude=a ".repeat(size / 12)} a b\n`,
  variables: (size) => `FROM x\nLABEL a=${"$a".repeat(size / 2)}\n`,
  braces: (size) => `FROM x\nLABEL a=${"${a:-".repeat(size / 5)}\n`,
  "lines of a document": (size) => `FROM x\nCOPY <<E /x\n${"a\n".repeat(Math.min(size / 2, 400_000))}E\n`,
  "tabs of a document": (size) => `FROM x\nCOPY <<-E /x\n${"\t".repeat(size)}\nE\n`,
  comments: (size) => "#a\n".repeat(Math.min(size / 3, 400_000)),
  "carriage returns": (size) => `FROM x\nRUN a${"\r".repeat(size)}b\n`,
};

test.each(Object.keys(SLOW))("time grows with the size only: %s", (name) => {
  const make = SLOW[name] as (size: number) => string;
  useAll(make(1000));
  const startedAt = performance.now();
  useAll(make(1_000_000));
  // What took the square of the size would take minutes.
  expect(performance.now() - startedAt).toBeLessThan(3000);
});
