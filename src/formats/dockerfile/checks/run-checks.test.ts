import { expect, test } from "bun:test";
import { parseDockerfile } from "../parse.ts";
import type { CheckInput } from "./check-input.ts";
import { printFindings, shortFinding } from "./print-findings.ts";
import { RULES } from "./rules.ts";
import { runChecks } from "./run-checks.ts";

const PLATFORMS = { TARGETPLATFORM: "linux/arm64", TARGETARCH: "arm64", BUILDPLATFORM: "linux/amd64" };

function inputOf(source: string, more: Partial<CheckInput> = {}): CheckInput {
  return {
    dockerfile: parseDockerfile(source),
    source,
    fileName: "Dockerfile",
    buildArgs: {},
    platformArgs: PLATFORMS,
    ignorePatterns: undefined,
    baseImage: () => ({ env: ["PATH=/bin", "LANG=C"], hasShell: false }),
    reachable: undefined,
    ...more,
  };
}

/** `line rule: message` of each. */
function check(source: string, more: Partial<CheckInput> = {}): string[] {
  return runChecks(inputOf(source, more)).findings.map(
    ({ rule, message, locations }) => `${locations[0]?.startLine} ${rule}: ${message}`,
  );
}

test("there are 21 rules, each with a page of its own", () => {
  const pages = Object.entries(RULES).map(([name, { url }]) => [name, url.split("/").at(-2)]);
  expect(pages.length).toBe(21);
  const pageOf = (name: string) =>
    name
      .replace("JSONArgs", "JsonArgs")
      .replace(/(?!^)[A-Z]/g, "-$&")
      .toLowerCase();
  for (const [name, page] of pages) expect(page).toBe(pageOf(name as string));
});

// A name of the case, the Dockerfile, what is found.
test.each<[string, string, string[]]>([
  ["nothing", 'FROM x AS a\nRUN b\nCMD ["c"]\n', []],
  [
    "StageNameCasing",
    "FROM x AS Base\nFROM y AS base2\n",
    ["1 StageNameCasing: Stage name 'Base' should be lowercase"],
  ],
  [
    "FromAsCasing",
    "FROM x as a\nFROM y As b\nFROM z AS c\n",
    [
      "1 FromAsCasing: 'as' and 'FROM' keywords' casing do not match",
      "2 FromAsCasing: 'As' and 'FROM' keywords' casing do not match",
    ],
  ],
  [
    "FromAsCasing in lower case",
    "from x AS a\nrun b\n",
    ["1 FromAsCasing: 'AS' and 'from' keywords' casing do not match"],
  ],
  [
    "FromAsCasing says nothing of a FROM that is mixed itself",
    "From x as a\nRUN b\n",
    ["1 ConsistentInstructionCasing: Command 'From' should match the case of the command majority (uppercase)"],
  ],
  ["NoEmptyContinuation", "FROM x\nRUN a \\\n\n  b\n", ["4 NoEmptyContinuation: Empty continuation line"]],
  [
    "ConsistentInstructionCasing: upper case where it is a draw",
    "FROM x\nrun a\n",
    ["2 ConsistentInstructionCasing: Command 'run' should match the case of the command majority (uppercase)"],
  ],
  [
    "ConsistentInstructionCasing: the majority decides",
    "from x\nRUN a\nrun b\nRun c\n",
    [
      "2 ConsistentInstructionCasing: Command 'RUN' should match the case of the command majority (lowercase)",
      "4 ConsistentInstructionCasing: Command 'Run' should match the case of the command majority (lowercase)",
    ],
  ],
  [
    "DuplicateStageName",
    "FROM x AS a\nFROM y AS A\n",
    [
      "2 StageNameCasing: Stage name 'A' should be lowercase",
      '2 DuplicateStageName: Duplicate stage name "a", stage names should be unique',
    ],
  ],
  [
    "ReservedStageName",
    "FROM x AS scratch\nFROM y AS context\n",
    [
      '1 ReservedStageName: Stage name should not use the same name as reserved stage "scratch"',
      '2 ReservedStageName: Stage name should not use the same name as reserved stage "context"',
    ],
  ],
  [
    "JSONArgsRecommended",
    "FROM x\nENTRYPOINT a\nCMD b\nRUN c\nHEALTHCHECK CMD d\n",
    [
      "2 JSONArgsRecommended: JSON arguments recommended for ENTRYPOINT to prevent unintended behavior related to OS signals",
      "3 JSONArgsRecommended: JSON arguments recommended for CMD to prevent unintended behavior related to OS signals",
    ],
  ],
  ["JSONArgsRecommended is quiet where a shell was chosen", 'FROM x AS a\nSHELL ["s"]\nCMD b\nFROM a\nCMD c\n', []],
  [
    "MaintainerDeprecated",
    "FROM x\nMAINTAINER m\n",
    ["2 MaintainerDeprecated: Maintainer instruction is deprecated in favor of using label"],
  ],
  [
    "UndefinedArgInFrom",
    "ARG TAG=1\nARG OTHER\nFROM x:$TAG AS a\nFROM y:${TGA:-1} AS b\nFROM z${OTHER} AS c\nFROM --platform=$PLTFRM v\n",
    [
      "4 UndefinedArgInFrom: FROM argument 'TGA' is not declared (did you mean TAG?)",
      "6 UndefinedArgInFrom: FROM argument 'PLTFRM' is not declared",
    ],
  ],
  [
    "WorkdirRelativePath: the first one only",
    "FROM x AS a\nWORKDIR rel\nWORKDIR rel2\nFROM a\nWORKDIR rel3\nFROM x\nARG D=/abs\nWORKDIR $D\nWORKDIR rel4\n",
    ['2 WorkdirRelativePath: Relative workdir "rel" can have unexpected results if the base image changes'],
  ],
  [
    "UndefinedVar",
    "FROM x AS base\nARG A\nARG B=b\nENV C=$A$B$LANG\nCOPY $A $B $C ${DDDDD} /$EEEEE\nENV PATH=$PAHT:/x\nUSER $FFFFF\nLABEL l=$GGGGG\nVOLUME $HHHHH\nEXPOSE $IIIII\nSTOPSIGNAL $JJJJJ\nWORKDIR /$KKKKK\n",
    [
      "5 UndefinedVar: Usage of undefined variable '$EEEEE'",
      "5 UndefinedVar: Usage of undefined variable '$DDDDD'",
      "6 UndefinedVar: Usage of undefined variable '$PAHT' (did you mean $PATH?)",
      "7 UndefinedVar: Usage of undefined variable '$FFFFF'",
      "8 UndefinedVar: Usage of undefined variable '$GGGGG'",
      "9 UndefinedVar: Usage of undefined variable '$HHHHH'",
      "10 UndefinedVar: Usage of undefined variable '$IIIII'",
      "11 UndefinedVar: Usage of undefined variable '$JJJJJ'",
      "12 UndefinedVar: Usage of undefined variable '$KKKKK'",
    ],
  ],
  [
    "UndefinedVar: what a stage stands on counts, what comes later does not",
    "FROM x AS a\nENV E=1\nARG F\nFROM a\nLABEL l=$E$F\nFROM scratch\nLABEL l=$E$PATH\nENV E=2\nLABEL m=$E\n",
    ["7 UndefinedVar: Usage of undefined variable '$E'"],
  ],
  [
    "UndefinedVar: an ENV does not see itself",
    "FROM scratch\nENV ONE=1 TWO=$ONE\nENV THREE=$TWO\n",
    ["2 UndefinedVar: Usage of undefined variable '$ONE'"],
  ],
  [
    "UndefinedVar: documents and mounts are looked at, commands are not",
    'FROM scratch\nCOPY <<A <<"B" /x/\n$ONE\nA\n$TWO\nB\nRUN --mount=type=cache,target=$THREE echo $FOUR\nCMD ["$FIVE"]\nONBUILD COPY $SIX /x\n',
    ["2 UndefinedVar: Usage of undefined variable '$ONE'", "7 UndefinedVar: Usage of undefined variable '$THREE'"],
  ],
  [
    "MultipleInstructionsDisallowed tells of the one that has no effect",
    'FROM x\nCMD ["a"]\nENTRYPOINT ["b"]\nCMD ["c"]\nHEALTHCHECK NONE\nHEALTHCHECK NONE\nFROM y\nCMD ["d"]\n',
    [
      "2 MultipleInstructionsDisallowed: Multiple CMD instructions should not be used in the same stage because only the last one will be used",
      "5 MultipleInstructionsDisallowed: Multiple HEALTHCHECK instructions should not be used in the same stage because only the last one will be used",
    ],
  ],
  [
    "LegacyKeyValueFormat",
    "FROM x\nENV A b\nLABEL c d\nENV E=f\n",
    [
      '2 LegacyKeyValueFormat: "ENV key=value" should be used instead of legacy "ENV key value" format',
      '3 LegacyKeyValueFormat: "LABEL key=value" should be used instead of legacy "LABEL key value" format',
    ],
  ],
  [
    "RedundantTargetPlatform",
    "FROM --platform=$TARGETPLATFORM x\nFROM --platform=${TARGETPLATFORM} y\nFROM --platform=${TARGETPLATFORM}$NONE z\n",
    [
      "1 RedundantTargetPlatform: Setting platform to predefined $TARGETPLATFORM in FROM is redundant as this is the default behavior",
      "2 RedundantTargetPlatform: Setting platform to predefined ${TARGETPLATFORM} in FROM is redundant as this is the default behavior",
      "3 UndefinedArgInFrom: FROM argument 'NONE' is not declared",
    ],
  ],
  [
    "SecretsUsedInArgOrEnv",
    "FROM x\nARG GITHUB_TOKEN\nENV api_key=1 APIKEY=2 KEYS=3 AUTHOR=4 TOKEN_FILE=5 PUBLIC_KEY=6\nARG A_PASSWORD_B\nLABEL secret=1\n",
    [
      '2 SecretsUsedInArgOrEnv: Do not use ARG or ENV instructions for sensitive data (ARG "GITHUB_TOKEN")',
      '3 SecretsUsedInArgOrEnv: Do not use ARG or ENV instructions for sensitive data (ENV "api_key")',
      '3 SecretsUsedInArgOrEnv: Do not use ARG or ENV instructions for sensitive data (ENV "APIKEY")',
      '4 SecretsUsedInArgOrEnv: Do not use ARG or ENV instructions for sensitive data (ARG "A_PASSWORD_B")',
    ],
  ],
  [
    "InvalidDefaultArgInFrom",
    "ARG TAG\nARG NAME\nARG GOOD=1\nFROM x:$TAG\nFROM $NAME\nFROM y:$GOOD\nFROM z:${TAG:-1}\n",
    [
      "4 InvalidDefaultArgInFrom: Default value for ARG x:$TAG results in empty or invalid base image name",
      "5 InvalidDefaultArgInFrom: Default value for ARG $NAME results in empty or invalid base image name",
    ],
  ],
  [
    "FromPlatformFlagConstDisallowed",
    "FROM --platform=linux/amd64 x AS base\nFROM --platform=linux/amd64 x AS build-amd64\nFROM --platform=linux/arm64 x AS for-linux\nFROM --platform=$BUILDPLATFORM x\n",
    ['1 FromPlatformFlagConstDisallowed: FROM --platform flag should not use constant value "linux/amd64"'],
  ],
  [
    "ExposeProtoCasing and ExposeInvalidFormat",
    "FROM x\nEXPOSE 80/TcP 53/udp 8000-8010\nEXPOSE 127.0.0.1:80:80 [::1]:81:81/UDP 82:82\n",
    [
      "2 ExposeProtoCasing: Defined protocol '80/TcP' in EXPOSE instruction should be lowercase",
      "3 ExposeInvalidFormat: EXPOSE instruction should not define an IP address or host-port mapping, found '127.0.0.1:80:80'",
      "3 ExposeInvalidFormat: EXPOSE instruction should not define an IP address or host-port mapping, found '82:82'",
      "3 ExposeProtoCasing: Defined protocol '[::1]:81:81/UDP' in EXPOSE instruction should be lowercase",
      "3 ExposeInvalidFormat: EXPOSE instruction should not define an IP address or host-port mapping, found '[::1]:81:81/UDP'",
    ],
  ],
  [
    "InvalidDefinitionDescription",
    "# check=experimental=all\n# tools builds them\nFROM x AS tools\n# V is a number\nARG V=1\n# something else\nARG W X\n# loose\n\nARG Y\n# of a stage without a name\nFROM z\n#\nARG Z\n",
    ["7 InvalidDefinitionDescription: Comment for ARG should follow the format: `# <arg_key> <description>`"],
  ],
  [
    "InvalidDefinitionDescription of a stage",
    "# check=experimental=InvalidDefinitionDescription\n# other words\nFROM x AS tools\n# and here\nARG A\n",
    [
      "3 InvalidDefinitionDescription: Comment for FROM should follow the format: `# tools <description>`",
      "5 InvalidDefinitionDescription: Comment for ARG should follow the format: `# A <description>`",
    ],
  ],
  ["experimental rules do not run unless they are asked for", "# words\nFROM x AS tools\n", []],
])("%s", (_, source, expected) => {
  expect(check(source)).toEqual(expected);
});

test("CopyIgnoredFile", () => {
  const source =
    "# check=experimental=CopyIgnoredFile\nFROM scratch\nARG D=tmp\nCOPY a ./tmp/b $D/c /x/\nADD /tmp/d https://example.org/tmp/e git@example.org:tmp/f /x/\nCOPY --from=0 tmp/g /x\nCOPY . /x\nCOPY <<tmp /x\ntmp\n";
  expect(check(source, { ignorePatterns: ["tmp", ".*"] })).toEqual([
    '4 CopyIgnoredFile: Attempting to Copy file "tmp/b" that is excluded by .dockerignore',
    '4 CopyIgnoredFile: Attempting to Copy file "tmp/c" that is excluded by .dockerignore',
    '5 CopyIgnoredFile: Attempting to Add file "tmp/d" that is excluded by .dockerignore',
  ]);
  expect(check(source, { ignorePatterns: ["tmp", "!tmp/b"] })).toEqual([]);
  expect(check(source)).toEqual([]);
  expect(check(source.replace(/^.*\n/, ""), { ignorePatterns: ["tmp"] })).toEqual([]);
});

test("build arguments count as they do in a build", () => {
  const source = "ARG TAG\nFROM x:$TAG\nARG A\nENV B=$A$UNKNOWN\n";
  const findings = [
    "2 InvalidDefaultArgInFrom: Default value for ARG x:$TAG results in empty or invalid base image name",
  ];
  const unknown = "4 UndefinedVar: Usage of undefined variable '$UNKNOWN'";
  expect(check(source, { buildArgs: { TAG: "1", A: "a", UNKNOWN: "undeclared" } })).toEqual([...findings, unknown]);
});

test("nothing is said about variables of an image that is not known", () => {
  const source = "FROM x AS a\nLABEL l=$ONE\nFROM a\nLABEL l=$TWO\nWORKDIR rel\nFROM scratch\nLABEL l=$THREE\n";
  expect(check(source, { baseImage: () => undefined })).toEqual([
    '5 WorkdirRelativePath: Relative workdir "rel" can have unexpected results if the base image changes',
    "7 UndefinedVar: Usage of undefined variable '$THREE'",
  ]);
});

test("a stage may be named with arguments", () => {
  const source =
    'FROM scratch AS for-arm64\nENV E=1\nWORKDIR /x\nSHELL ["s"]\nFROM for-$TARGETARCH\nLABEL l=$E\nWORKDIR y\nCMD z\n';
  expect(check(source, { baseImage: () => undefined })).toEqual([]);
});

test("of stages that are not built only names and casing are told", () => {
  const source = 'FROM scratch AS A\nLABEL l=$ONE\nENV K v\nCMD x\nFROM scratch\nLABEL l=$TWO\nENV K v\nCMD ["x"]\n';
  expect(check(source, { reachable: new Set([1]) })).toEqual([
    "1 StageNameCasing: Stage name 'A' should be lowercase",
    "6 UndefinedVar: Usage of undefined variable '$TWO'",
    '7 LegacyKeyValueFormat: "ENV key=value" should be used instead of legacy "ENV key value" format',
  ]);
});

test("an image with a shell of its own is not told about shell forms", () => {
  expect(check("FROM x\nCMD a\n", { baseImage: () => ({ env: [], hasShell: true }) })).toEqual([]);
});

test("what cannot be expanded is left to the build", () => {
  const source =
    "FROM ${x\nFROM scratch\nARG A=${b\nENV B='c\nCOPY 'a b /x\nEXPOSE \"80\nRUN --mount=type=what,target=$D a\n";
  expect(check(source)).toEqual([]);
});

test("the directive and the build argument say which rules run, and whether the build fails", () => {
  const source = "FROM x AS A\nMAINTAINER m\n";
  const rules = (text: string, buildArgs: Record<string, string> = {}) => {
    const { findings, failure } = runChecks(inputOf(text, { buildArgs }));
    return [findings.map(({ rule }) => rule), failure];
  };
  const both = ["StageNameCasing", "MaintainerDeprecated"];
  expect(rules(source)).toEqual([both, undefined]);
  expect(rules(`# check=skip=StageNameCasing\n${source}`)).toEqual([["MaintainerDeprecated"], undefined]);
  expect(rules(`# check=skip=all\n${source}`)).toEqual([[], undefined]);
  expect(rules(`# check=error=true\n${source}`)).toEqual([both, `lint violation found for rules: ${both.join(", ")}`]);
  expect(rules("# check=error=true\nFROM x\n")).toEqual([[], undefined]);
  const argument = { BUILDKIT_DOCKERFILE_CHECK: "skip=MaintainerDeprecated;error=true" };
  expect(rules(`# check=skip=all\n${source}`, argument)).toEqual([
    ["StageNameCasing"],
    "lint violation found for rules: StageNameCasing",
  ]);
  expect(() => rules(source, { BUILDKIT_DOCKERFILE_CHECK: "x" })).toThrow('invalid check option "x"');
});

test("a finding has all that is needed to show it", () => {
  const source = "FROM scratch\nMAINTAINER m\n";
  expect(runChecks(inputOf(source)).findings).toEqual([
    {
      rule: "MaintainerDeprecated",
      description: "The MAINTAINER instruction is deprecated, use a label instead to define an image author",
      url: "https://docs.docker.com/go/dockerfile/rule/maintainer-deprecated/",
      message: "Maintainer instruction is deprecated in favor of using label",
      fileName: "Dockerfile",
      locations: [{ startLine: 2, endLine: 2 }],
      source,
    },
  ]);
});

test("findings are printed as buildx prints them", () => {
  expect(printFindings([])).toBe("Check complete, no warnings found.\n");
  expect(
    runChecks(inputOf("FROM scratch AS a\nMAINTAINER m\n"))
      .findings.map(shortFinding)
      .concat(
        shortFinding({ rule: "R", message: "m", locations: [], description: "", url: "", fileName: "", source: "" }),
      ),
  ).toEqual(["MaintainerDeprecated: Maintainer instruction is deprecated in favor of using label (line 2)", "R: m"]);
  const { findings } = runChecks(inputOf("FROM scratch AS Base\nMAINTAINER m\n"));
  expect(printFindings(findings.slice(0, 1))).toStartWith("Check complete, 1 warning has been found!\n\nWARNING: ");
  expect(printFindings(findings.toReversed())).toBe(`Check complete, 2 warnings have been found!

WARNING: StageNameCasing - https://docs.docker.com/go/dockerfile/rule/stage-name-casing/
Stage name 'Base' should be lowercase
Dockerfile:1
--------------------
   1 | >>> FROM scratch AS Base
   2 |     MAINTAINER m
   3 |     
--------------------

WARNING: MaintainerDeprecated - https://docs.docker.com/go/dockerfile/rule/maintainer-deprecated/
Maintainer instruction is deprecated in favor of using label
Dockerfile:2
--------------------
   1 |     FROM scratch AS Base
   2 | >>> MAINTAINER m
   3 |     
--------------------
`);
});

test.each([
  ["variables that double with every line", "ENV A=$A$A B$A=1\n", 200],
  ["patterns in every word", `LABEL ${'a=${A#*y} b="${A//xx*y/z}" '.repeat(200)}\n`, 200],
  ["long values everywhere", `LABEL ${"a=$A$A$A$A ".repeat(1000)}\n`, 100],
])("%s do not hold up the daemon", (_, line, times) => {
  const source = `FROM scratch\nENV A=${"x".repeat(100_000)}\n${line.repeat(times)}`;
  const startedAt = performance.now();
  check(source);
  expect(performance.now() - startedAt).toBeLessThan(6000);
});

test("the escape of the file counts", () => {
  const source = "# escape=`\nARG D=a`b\nFROM scratch\nWORKDIR `$X\\$D\nENV A=`$B\n";
  expect(check(source)).toEqual([
    '4 WorkdirRelativePath: Relative workdir "$X\\\\" can have unexpected results if the base image changes',
    "4 UndefinedVar: Usage of undefined variable '$D'",
  ]);
});
