import { expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expandWord } from "../../src/formats/dockerfile/expand.ts";
import { parseDockerfile } from "../../src/formats/dockerfile/parse.ts";
import { startDockerd, whyNoDockerd } from "../harness/dockerd.ts";

/** Words as they stand behind `NAME=`, so without blanks outside quotes. Those that BuildKit of Docker 20.10 knows. */
const WORDS = [
  ...'plain \'single\' "double" a\'b\'c a"b"\'c\' \'a"b\' "a\'b" \'$A\' \'${A}\' "$A" "a\\"b" "a\\$A" "a\\\\b" "a\\nb"'.split(
    " ",
  ),
  ..."a\\nb a\\\\b a\\'b a\\\"b \\$A \\${A} \\\\$A $A $A$B $A.$B $A-x x$A ${A}x $Ax $E ${N} a${N}b $_u $1 $12 $1a".split(
    " ",
  ),
  ...'$@ $*x $# $? $- $$ $$A $! $ a$ $.A $\'A\' $"A" $\\A "$" $(cmd) `cmd` $A\'$A\'"$A" $S $Q "$S" $größe'.split(" "),
  ..."${A:-d} ${E:-d} ${N:-d} ${N:-} ${N:-'d'} ${N:-$A} ${N:-${A}} ${N:-${N:-${N:-deep}}} ${N:-x${E:-y}z} ${N:--}".split(
    " ",
  ),
  ..."${A:+w} ${E:+w} ${N:+w} ${A:+$B} ${A:+${N:-n}} ${A:+'$B'} ${N:-a\\}b}".split(" "),
  "'a b'",
  '"a  b"',
  "a\\ b",
  '"${A} ${B}"',
  '"${N:-a } b}"',
];

const VALUES: Record<string, string> = {
  A: "hello",
  B: "world",
  E: "",
  S: "two words",
  Q: "a'b\"c",
  _u: "u",
  größe: "L",
};

const quote = (value: string) => `"${value.replace(/[\\"$]/g, "\\$&")}"`;

const dockerfileOf = (words: string[]) => {
  const env = Object.entries(VALUES).map(([name, value]) => `${name}=${quote(value)}`);
  return `FROM scratch\nENV ${env.join(" ")}\n${words.map((word, index) => `LABEL w${index}=${word}\n`).join("")}`;
};

const missing = whyNoDockerd();

test.skipIf(missing !== undefined)(
  `words are read and expanded as by BuildKit${missing === undefined ? "" : ` (${missing})`}`,
  async () => {
    await using dockerd = await startDockerd({ name: "gantry-words" });
    const source = dockerfileOf(WORDS);
    const context = join(dockerd.directory, "context");
    mkdirSync(context);
    writeFileSync(join(context, "Dockerfile"), source);
    const env = { DOCKER_BUILDKIT: "1" };
    const built = await dockerd.docker(["build", "-q", "-t", "words", context], { env });
    expect(built.stderr).toBe("");
    const shown = await dockerd.docker(["inspect", "-f", "{{json .Config.Labels}}", "words"]);
    const theirs = JSON.parse(shown.stdout) as Record<string, string>;

    const lookup = (name: string) => VALUES[name];
    const ours: Record<string, string> = {};
    for (const instruction of parseDockerfile(source).stages[0]?.instructions ?? [])
      if (instruction.kind === "pairs" && instruction.name === "LABEL")
        for (const { name, value } of instruction.pairs) ours[name] = expandWord(value, lookup);
    const named = (labels: Record<string, string>) => WORDS.map((word, index) => [word, labels[`w${index}`]]);
    expect(named(ours)).toEqual(named(theirs));
  },
  60_000,
);
