import { expect, test } from "bun:test";
import { DockerfileError } from "./dockerfile-error.ts";
import { type ExpandOptions, expandHeredoc, expandWord, expandWords, newExpansionBudget, noNames } from "./expand.ts";
import { MAX_NESTING, MAX_WORD_CHARS } from "./limits.ts";

const VALUES: Record<string, string> = {
  A: "hello",
  B: "world",
  EMPTY: "",
  FILE: "a/b/archive.tar.gz",
  V: "1.22.333",
  SP: "two words",
  PADDED: "  x  y  ",
  STAR: "a*b?c",
  UNI: "äöü🚢",
  SLASH: "a/b/c",
  BRACE: "a}b",
  QUOTE: "a'b\"c",
  ESC: "a\\b",
  REP: "aaa",
  _u: "under",
  größe: "L",
  "1": "one",
};

const lookup = (name: string) => (Object.hasOwn(VALUES, name) ? VALUES[name] : undefined);

/** The result, or `error: …` without the part that repeats the word. */
function outcome<T>(act: () => T): T | string {
  try {
    return act();
  } catch (error) {
    if (!(error instanceof DockerfileError)) throw error;
    return `error: ${error.message.replace(/^failed to process .*?": (?=[^"]*$)/s, "")}`;
  }
}

// Every row: the word, what becomes of it.
test.each([
  // Plain text, quotes and escapes.
  ["", ""],
  ["plain", "plain"],
  ["a b  c", "a b  c"],
  ["'single'", "single"],
  ['"double"', "double"],
  ["''", ""],
  ['""', ""],
  ["a'b'c", "abc"],
  ["a\"b\"'c'", "abc"],
  ["'a\"b'", 'a"b'],
  ['"a\'b"', "a'b"],
  ["'a\\b'", "a\\b"],
  ["'$A'", "$A"],
  ["'${A}'", "${A}"],
  ['"$A"', "hello"],
  ['"${A} ${B}"', "hello world"],
  ['"a\\"b"', 'a"b'],
  ['"a\\$A"', "a$A"],
  ['"a\\\\b"', "a\\b"],
  ['"a\\nb"', "a\\nb"],
  ['"a\\\'b"', "a\\'b"],
  ["a\\nb", "anb"],
  ["a\\ b", "a b"],
  ["a\\\\b", "a\\b"],
  ["a\\'b", "a'b"],
  ['a\\"b', 'a"b'],
  ["\\$A", "$A"],
  ["\\${A}", "${A}"],
  ["\\\\$A", "\\hello"],
  ["a\\", "a"],
  ["\\", ""],
  ["äöü", "äöü"],
  ["a<<b", "a<<b"],
  // The simple forms.
  ["$A", "hello"],
  ["$A$B", "helloworld"],
  ["$A.$B", "hello.world"],
  ["$A/x", "hello/x"],
  ["$A-x", "hello-x"],
  ["x$A", "xhello"],
  ["${A}", "hello"],
  ["${A}x", "hellox"],
  ["$Ax", ""],
  ["$EMPTY", ""],
  ["${EMPTY}", ""],
  ["$NONE", ""],
  ["${NONE}", ""],
  ["a${NONE}b", "ab"],
  ["$_u", "under"],
  ["$_", ""],
  ["$größe", "L"],
  ["${größe}", "L"],
  ["$1", "one"],
  ["${1}", "one"],
  ["$12", ""],
  ["$1a", "onea"],
  ["$@", ""],
  ["$*x", "x"],
  ["$#", ""],
  ["$?", ""],
  ["$-", ""],
  ["$$", ""],
  ["$$A", "A"],
  ["$!", ""],
  ["$", "$"],
  ["a$", "a$"],
  ["$ A", "$ A"],
  ["$.A", "$.A"],
  ["$/x", "$/x"],
  ["$'A'", "$A"],
  ['$"A"', "$A"],
  ["$\\A", "$A"],
  ['"$"', "$"],
  ["$(cmd)", "$(cmd)"],
  ["`cmd`", "`cmd`"],
  ["$A'$A'\"$A\"", "hello$Ahello"],
  ["$ESC", "a\\b"],
  ["$QUOTE", "a'b\"c"],
  ["$SP", "two words"],
  ["$PADDED", "  x  y  "],
  // Defaults, alternatives and errors.
  ["${A:-d}", "hello"],
  ["${A-d}", "hello"],
  ["${EMPTY:-d}", "d"],
  ["${EMPTY-d}", ""],
  ["${NONE:-d}", "d"],
  ["${NONE-d}", "d"],
  ["${NONE:-}", ""],
  ["${NONE-}", ""],
  ["${NONE:-a b}", "a b"],
  ["${NONE:-'a b'}", "a b"],
  ['${NONE:-"a } b"}', "a } b"],
  ["${NONE:-a\\}b}", "a}b"],
  ["${NONE:-$A}", "hello"],
  ["${NONE:-${A}}", "hello"],
  ["${NONE:-${NONE:-${NONE:-deep}}}", "deep"],
  ["${NONE:-x${EMPTY:-y}z}", "xyz"],
  ['"${NONE:-a b}"', "a b"],
  ["${NONE:--}", "-"],
  ["${NONE:-:-}", ":-"],
  ["${A:+w}", "w"],
  ["${A+w}", "w"],
  ["${EMPTY:+w}", ""],
  ["${EMPTY+w}", "w"],
  ["${NONE:+w}", ""],
  ["${NONE+w}", ""],
  ["${A:+$B}", "world"],
  ["${A:+${NONE:-n}}", "n"],
  ["${A:+'$B'}", "$B"],
  ["${A:?no}", "hello"],
  ["${A?no}", "hello"],
  ["${EMPTY?no}", ""],
  ["${EMPTY:?no}", "error: EMPTY: no"],
  ["${NONE?no}", "error: NONE: no"],
  ["${NONE:?no}", "error: NONE: no"],
  ["${NONE:?}", "error: NONE: is not allowed to be unset"],
  ["${NONE?}", "error: NONE: is not allowed to be unset"],
  ["${EMPTY:?}", "error: EMPTY: is not allowed to be empty"],
  ["${NONE:?give $A}", "error: NONE: give hello"],
  // The start and the end are cut off.
  ["${FILE#*/}", "b/archive.tar.gz"],
  ["${FILE##*/}", "archive.tar.gz"],
  ["${FILE%/*}", "a/b"],
  ["${FILE%%/*}", "a"],
  ["${FILE%.*}", "a/b/archive.tar"],
  ["${FILE%%.*}", "a/b/archive"],
  ["${FILE#a}", "/b/archive.tar.gz"],
  ["${FILE#b}", "a/b/archive.tar.gz"],
  ["${FILE%.gz}", "a/b/archive.tar"],
  ["${FILE%.zip}", "a/b/archive.tar.gz"],
  ["${V%.*}", "1.22"],
  ["${V%%.*}", "1"],
  ["${V#*.}", "22.333"],
  ["${V##*.}", "333"],
  ["${V%?}", "1.22.33"],
  ["${V#?}", ".22.333"],
  ["${V%???}", "1.22."],
  ["${V%????????}", ""],
  ["${V%?????????}", "1.22.333"],
  ["${V#*}", "1.22.333"],
  ["${V##*}", ""],
  ["${V%*}", "1.22.333"],
  ["${V%%*}", ""],
  ["${V#}", "1.22.333"],
  ["${V%}", "1.22.333"],
  ["${V##}", "1.22.333"],
  ["${V#*.*.}", "333"],
  ["${V%.*.*}", "1"],
  ["${A#h*l}", "lo"],
  ["${A##h*l}", "o"],
  ["${A%l*}", "hel"],
  ["${A%%l*}", "he"],
  ["${A#H}", "hello"],
  ["${A#.}", "hello"],
  ["${A#[a-z]}", "hello"],
  ["${A#$NONE}", "hello"],
  ["${A#${A}}", ""],
  ["${A%${NONE:-lo}}", "hel"],
  ["${STAR#a\\*}", "b?c"],
  ["${STAR#a?}", "b?c"],
  ["${STAR%\\?c}", "a*b"],
  ["${STAR%?c}", "a*b"],
  ["${ESC#a\\\\}", "b"],
  ["${BRACE#a\\}}", "b"],
  ["${SLASH#a\\/}", "b/c"],
  ["${UNI#?}", "öü🚢"],
  ["${UNI%?}", "äöü"],
  ["${NONE#x}", ""],
  ["${EMPTY%x}", ""],
  ["${A#\\h}", "error: invalid pattern (\\h) in substitution: invalid escape '\\h'"],
  ["${A%\\", "error: syntax error: missing '}'"],
  // Something in the middle is replaced.
  ["${A/l/L}", "heLlo"],
  ["${A//l/L}", "heLLo"],
  ["${A/x/y}", "hello"],
  ["${A/l/}", "helo"],
  ["${A//l/}", "heo"],
  ["${A/h*o/}", ""],
  ["${A/l*/_}", "he_"],
  ["${A/*l/_}", "_o"],
  ["${A/?/_}", "_ello"],
  ["${A//?/_}", "_____"],
  ["${A//[l]/_}", "hello"],
  ["${SLASH//\\//-}", "a-b-c"],
  ["${SLASH/\\//-}", "a-b/c"],
  ["${SLASH/b*/}", "a/"],
  ["${V//./_}", "1_22_333"],
  ["${V/.*./-}", "1-333"],
  ["${REP/a/b}", "baa"],
  ["${REP//a/b}", "bbb"],
  ["${REP//aa/b}", "ba"],
  ["${REP//a*/b}", "b"],
  ["${STAR/\\*/x}", "axb?c"],
  ["${STAR/\\?/x}", "a*bxc"],
  ["${A/l/$B}", "heworldlo"],
  ["${A/$NONE/x}", "xhello"],
  ["${NONE/a/b}", ""],
  ["${UNI/ö/o}", "äoü🚢"],
  // What is no form.
  ["${", "error: syntax error: missing '}'"],
  ["${A", "error: unsupported modifier (\uFFFD) in substitution"],
  ["${}", "error: syntax error: bad substitution"],
  ["${:}", "error: syntax error: bad substitution"],
  ["${:-x}", "error: syntax error: bad substitution"],
  ["${{A}}", "error: syntax error: bad substitution"],
  ["${A:-", "error: syntax error: missing '}'"],
  ["${A:-x", "error: syntax error: missing '}'"],
  ["${A:-${B}", "error: syntax error: missing '}'"],
  ["${A:x}", "error: unsupported modifier (:x) in substitution"],
  ["${A:0:1}", "error: unsupported modifier (:0) in substitution"],
  ["${A:=x}", "error: unsupported modifier (:=) in substitution"],
  ["${A=x}", "error: unsupported modifier (=) in substitution"],
  ["${A:#x}", "error: unsupported modifier (:#) in substitution"],
  ["${A:%x}", "error: unsupported modifier (:%) in substitution"],
  ["${A^}", "error: unsupported modifier (^) in substitution"],
  ["${A,,}", "error: unsupported modifier (,) in substitution"],
  ["${A[0]}", "error: unsupported modifier ([) in substitution"],
  ["${#A}", "error: unsupported modifier (A) in substitution"],
  ["${!A}", "error: unsupported modifier (A) in substitution"],
  ["${A/x}", "error: syntax error: missing '/' in ${}"],
  ["${A/x/y", "error: syntax error: missing '}'"],
  ["'open", "error: unexpected end of statement while looking for matching single-quote"],
  ['"open', "error: unexpected end of statement while looking for matching double-quote"],
  ['"open\\', "error: unexpected end of statement while looking for matching double-quote"],
  ['"${A', "error: unsupported modifier (\uFFFD) in substitution"],
])("%s becomes %s", (word, expected) => {
  expect(outcome(() => expandWord(word, lookup))).toBe(expected);
});

test.each<[string, string, ExpandOptions]>([
  ["a\\b", "a\\b", { escape: "`" }],
  ["C:\\$A", "C:\\hello", { escape: "`" }],
  ["a`b", "ab", { escape: "`" }],
  ["`$A", "$A", { escape: "`" }],
  ['"a`"b"', 'a"b', { escape: "`" }],
  ['"a`nb"', "a`nb", { escape: "`" }],
  ["'a b' \"c\"", "'a b' \"c\"", { rawQuotes: true }],
  ["'$A' \"$A\"", "'$A' \"hello\"", { rawQuotes: true }],
  ["a\\ b\\$A", "a\\ b\\$A", { rawEscapes: true }],
  ['"a\\"b\\n"', 'a\\"b\\\\n', { rawEscapes: true }],
  ["'$A' \"$A\"", "'hello' \"hello\"", { plainQuotes: true }],
  ["it's", "it's", { plainQuotes: true }],
  ["$NONE ${NONE} $A", "$NONE ${NONE} hello", { keepUnset: true }],
  ["${NONE:-x}", "${NONE:-x}", { keepUnset: true }],
  ["${NONE##*/}", "${NONE##*/}", { keepUnset: true }],
  ["${NONE/a/b}", "${NONE/a/b}", { keepUnset: true }],
])("%s becomes %s with %j", (word, expected, options) => {
  expect(expandWord(word, lookup, options)).toBe(expected);
});

test.each([
  ["", []],
  ["   ", []],
  ["one", ["one"]],
  [" one  two\tthree\n", ["one", "two", "three"]],
  ["'one two' three", ["one two", "three"]],
  ['"one two"three', ["one twothree"]],
  ["one\\ two three", ["one two", "three"]],
  ["''", []],
  ["'' a", ["a"]],
  ["a '' b", ["a", "b"]],
  ["'a '", ["a "]],
  ["$SP", ["two", "words"]],
  ['"$SP"', ["two words"]],
  ["x$SP.y", ["xtwo", "words.y"]],
  ["$PADDED", ["x", "y"]],
  ['"$PADDED"', ["  x  y  "]],
  ["a${PADDED}b", ["a", "x", "y", "b"]],
  ["$EMPTY", []],
  ["a $EMPTY b", ["a", "b"]],
  ["${NONE:-a b}", ["a", "b"]],
  ['${NONE:-"a b"}', ["a", "b"]],
  ['"${NONE:-a b}"', ["a b"]],
  ["$NONE$A", ["hello"]],
  ["a\u00a0b", ["a", "b"]],
  ["a\u0085b", ["a", "b"]],
  ["a\ufeffb", ["a\ufeffb"]],
  ["<< EOF x", ["<< EOF", "x"]],
  ["a<<\tb c", ["a<<\tb", "c"]],
  ["< < a", ["<", "<", "a"]],
  ["<<<a b", ["<<<a", "b"]],
  ["80 $V/tcp", ["80", "1.22.333/tcp"]],
])("%j is split into %j", (word, expected) => {
  expect(expandWords(word, lookup)).toEqual(expected);
});

test.each([
  ["plain text\n", "plain text\n"],
  ["hello $A\n", "hello hello\n"],
  ['it\'s "quoted" $A\n', 'it\'s "quoted" hello\n'],
  ["\\$A stays\n", "$A stays\n"],
  ["a\\nb\n", "anb\n"],
  ["a\\\\b\n", "a\\b\n"],
  ["`$A`\n", "`hello`\n"],
  ["${NONE:-\n}x", "\nx"],
  ["$(date) $\n", "$(date) $\n"],
])("the document %j becomes %j", (content, expected) => {
  expect(expandHeredoc(content, lookup)).toBe(expected);
});

test("the names that were asked for are told, also those of branches that are not taken", () => {
  const names = noNames();
  expandWord("$A ${NONE:-$B} ${EMPTY} '$QUOTED' \\$ESCAPED ${A:+$OTHER}", lookup, { names });
  expect([...names.matched].sort()).toEqual(["A", "B", "EMPTY"]);
  expect([...names.unmatched].sort()).toEqual(["NONE", "OTHER"]);
});

test("an error repeats the word that it is about, but not a megabyte of it", () => {
  expect(() => expandWord('a"b', lookup)).toThrow(
    'failed to process "a\\"b": unexpected end of statement while looking for matching double-quote',
  );
  expect(outcome(() => expandWord(`'${"x".repeat(500_000)}`, lookup)).length).toBeLessThan(500);
});

test("what is nested too deeply, or grows too long, is refused", () => {
  const nested = (depth: number) => "${NONE:-".repeat(depth) + "x" + "}".repeat(depth);
  expect(expandWord(nested(MAX_NESTING), lookup)).toBe("x");
  expect(outcome(() => expandWord(nested(MAX_NESTING + 1), lookup))).toBe(
    "error: variables are nested deeper than 100",
  );
  const big = "x".repeat(1024);
  const word = "$BIG".repeat(MAX_WORD_CHARS / 1024 + 1);
  expect(outcome(() => expandWord(word, () => big))).toBe("error: expansion is longer than 1048576 characters");
  expect(outcome(() => expandWord("${BIG//x/${BIG//x/$BIG}}", () => big))).toContain("expansion is longer than");
  expect(expandHeredoc(word, () => big).length).toBe(MAX_WORD_CHARS + 1024);
});

test("the words of a Dockerfile have a budget together", () => {
  const budget = newExpansionBudget();
  const value = "x".repeat(1024 * 1024);
  const word = () => outcome(() => expandWord("$X", () => value, { budget }));
  for (let count = 0; count < 128; count++) expect(word().length).toBe(value.length);
  expect(word()).toBe("error: the variables of the Dockerfile expand to too much");
  expect(outcome(() => expandHeredoc("$X", () => "y", { budget }))).toContain("expand to too much");
  const other = newExpansionBudget();
  expandWord("${X#yyyy}", () => value, { budget: other });
  // Five for the pattern, the pattern itself, and what comes out.
  expect(other.left).toBe(newExpansionBudget().left - 5 * value.length - 4 - value.length);
});

test("patterns cost no more than the product of the lengths", () => {
  const value = "a".repeat(100_000);
  const startedAt = performance.now();
  expect(expandWord(`\${X##${"*a".repeat(200)}*b}`, () => value)).toBe(value);
  expect(expandWord(`\${X//${"a*".repeat(200)}b/c}`, () => value)).toBe(value);
  expect(performance.now() - startedAt).toBeLessThan(2000);
  expect(outcome(() => expandWord(`\${X#${"?".repeat(1000)}}`, () => value))).toContain(
    "is too long for a value of 100000",
  );
});
