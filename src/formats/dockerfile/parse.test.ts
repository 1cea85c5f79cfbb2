import { expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DockerfileError } from "./dockerfile-error.ts";
import { excerpt } from "./excerpt.ts";
import { MAX_DOCKERFILE_BYTES, MAX_HEREDOCS, MAX_INSTRUCTIONS, MAX_LINES } from "./limits.ts";
import { parseDockerfile, parseInstruction } from "./parse.ts";

const TESTDATA = join(import.meta.dir, "testdata");
const NEGATIVE = join(TESTDATA, "negative");

/** Compares with a file, or writes it where `UPDATE_GOLDEN=1`: what is then in the diff has to be read. */
function expectGolden(path: string, actual: string): void {
  if (process.env.UPDATE_GOLDEN === "1") writeFileSync(path, actual);
  expect(actual).toBe(existsSync(path) ? readFileSync(path, "utf8") : `${path} is missing: run with UPDATE_GOLDEN=1`);
}

function cases(directory: string): string[] {
  return readdirSync(directory).filter((name) => existsSync(join(directory, name, "Dockerfile")));
}

function failureOf(act: () => unknown): DockerfileError {
  try {
    act();
  } catch (error) {
    if (error instanceof DockerfileError) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}

test.each(cases(TESTDATA))("%s is read as its expected.json says", (name) => {
  const source = readFileSync(join(TESTDATA, name, "Dockerfile"), "utf8");
  expectGolden(join(TESTDATA, name, "expected.json"), `${JSON.stringify(parseDockerfile(source), undefined, 2)}\n`);
});

test.each(cases(NEGATIVE))("%s is refused as its expected.txt says", (name) => {
  const source = readFileSync(join(NEGATIVE, name, "Dockerfile"), "utf8");
  const { location, message } = failureOf(() => parseDockerfile(source));
  const place = location === undefined ? "" : excerpt({ fileName: "Dockerfile", source, locations: [location] });
  expectGolden(join(NEGATIVE, name, "expected.txt"), `${place}${message}\n`);
});

test("there are golden cases for every instruction", () => {
  const seen = new Set<string>();
  for (const name of cases(TESTDATA)) {
    const { metaArgs, stages } = parseDockerfile(readFileSync(join(TESTDATA, name, "Dockerfile"), "utf8"));
    for (const item of [...metaArgs, ...stages.flatMap(({ from, instructions }) => [from, ...instructions])])
      seen.add(item.name);
  }
  expect(seen.size).toBe(18);
  expect(cases(TESTDATA).length).toBeGreaterThanOrEqual(60);
});

test.each([
  ["a file that is too large", `FROM x\n#${"x".repeat(MAX_DOCKERFILE_BYTES)}`, "dockerfile is larger than"],
  ["too many lines", "\n".repeat(MAX_LINES + 1), "dockerfile has more than 500000 lines"],
  ["too many instructions", `FROM x\n${"USER a\n".repeat(MAX_INSTRUCTIONS)}`, "more than 10000 instructions"],
  [
    "too many documents",
    `FROM x\nCOPY ${"<<A ".repeat(MAX_HEREDOCS + 1)}/x\n${"A\n".repeat(MAX_HEREDOCS + 1)}`,
    "more than 100 heredocs",
  ],
])("%s is refused", (_, source, message) => {
  expect(failureOf(() => parseDockerfile(source)).message).toContain(message);
});

test("a single instruction is read with the escape that it was written with", () => {
  expect(parseInstruction("ENV A=a` b", "`")).toMatchObject({ pairs: [{ name: "A", value: "a` b" }] });
  expect(parseInstruction("COPY <<EOF /x\na\nEOF")).toMatchObject({ heredocs: [{ content: "a\n" }] });
  expect(failureOf(() => parseInstruction("USER a\nUSER b")).message).toBe("more than one instruction: USER b");
  expect(failureOf(() => parseInstruction("")).message).toBe("file with no instructions");
});

test("the trigger of ONBUILD can be read again", () => {
  const trigger = "COPY --from=a <<EOF <<-B /x\n  text\nEOF\n\tb\nB";
  const parsed = parseInstruction(`ONBUILD ${trigger}`);
  if (parsed.kind !== "onbuild") throw new Error(parsed.kind);
  expect(parsed.trigger).toBe(trigger);
  expect({ ...parseInstruction(parsed.trigger), location: undefined }).toEqual({
    ...parsed.instruction,
    location: undefined as never,
  });
});

test("a thousand lines are read in a few milliseconds", () => {
  const block = 'RUN --mount=type=cache,target=/c a \\\n  && b\nENV A=1 B="two $A"\nCOPY --from=x a b /c/\nLABEL a=b\n';
  const source = `FROM x\n${block.repeat(200)}`;
  for (let round = 0; round < 20; round++) parseDockerfile(source);
  const startedAt = performance.now();
  for (let round = 0; round < 10; round++) parseDockerfile(source);
  // Measured: 0.6 ms. The limit leaves room for a machine that is busy.
  expect((performance.now() - startedAt) / 10).toBeLessThan(300);
});
