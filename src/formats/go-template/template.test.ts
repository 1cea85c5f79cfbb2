import { describe, expect, test } from "bun:test";
import { executeTemplate } from "./evaluate.ts";
import { FUNCTION_NAMES } from "./functions.ts";
import { parseTemplate } from "./parser.ts";

const DATA = {
  Name: "/web",
  Args: ["-c", "x"],
  State: { Status: "running", Running: true, Pid: 123, ExitCode: 0, Health: null },
  Config: { Env: ["A=b", "C=d"], Labels: { "x.y": "z", b: "2" }, Cmd: ["sh"] },
  HostConfig: { Memory: 536870912 },
  Empty: {},
  Big: 1e21,
  Half: 0.5,
};

function run(source: string): string {
  return executeTemplate(parseTemplate(source, FUNCTION_NAMES), DATA, { missingKey: "error" });
}

function failure(source: string): string {
  try {
    return `no failure, but ${run(source)}`;
  } catch (error) {
    return (error as Error).message;
  }
}

// Every expected text was printed by the docker client (Go's text/template) for the same data.
const OUTPUTS: [template: string, output: string][] = [
  ["{{.Name}}", "/web"],
  ["{{.State.Status}} {{.State.Running}} {{.HostConfig.Memory}}", "running true 536870912"],
  ["{{range .Config.Env}}{{println .}}{{end}}", "A=b\nC=d\n"],
  ["{{range $k, $v := .Config.Labels}}{{$k}}={{$v}};{{end}}", "b=2;x.y=z;"],
  ["{{range $i, $e := .Args}}{{if $i}}, {{end}}{{$e}}{{end}}", "-c, x"],
  ['{{index .Config.Labels "x.y"}}', "z"],
  ['{{index .Config.Labels "none"}}', ""],
  ["{{.Config.Env}} {{.Config.Labels}} {{.Args}}", "[A=b C=d] map[b:2 x.y:z] [-c x]"],
  ["{{if .State.Running}}yes{{else}}no{{end}}", "yes"],
  ["{{if .Empty}}a{{else if .State.Pid}}b{{else}}c{{end}}", "b"],
  ["{{with .Config}}{{.Cmd}}{{end}}{{with .Empty}}x{{else}}y{{end}}", "[sh]y"],
  [
    '{{len .Config.Env}} {{slice .Name 1}} {{printf "%d %v %t" .State.Pid .Name .State.Running}}',
    "2 web 123 /web true",
  ],
  ['{{split .Name "e"}} {{join .Args ","}}', "[/w b] -c,x"],
  ['{{"a" | printf "%s-%s" .Name}}', "/web-a"],
  ["  {{- .Name -}}  z", "/webz"],
  ["{{/* c */}}{{.Name}}", "/web"],
  ["a {{- /* c */ -}} b", "ab"],
  ["{{$x := .Name}}{{$x}}", "/web"],
  ["{{$x := 1}}{{range .Args}}{{$x = 2}}{{end}}{{$x}}", "2"],
  ["{{range .Config.Cmd}}{{break}}{{end}}ok", "ok"],
  ["{{range .Args}}{{continue}}x{{end}}|{{range .Empty}}x{{else}}none{{end}}", "|none"],
  [
    '{{eq .State.Pid 123}} {{gt .State.Pid 5}} {{and .Name .State.Running}} {{or "" "b"}} {{not true}} {{ne .Name "a"}}',
    "true true true b false true",
  ],
  ['{{define "T"}}<{{.}}>{{end}}{{template "T" .Name}}', "</web>"],
  ['{{block "B" .Name}}[{{.}}]{{end}}', "[/web]"],
  ['{{html "<a>"}} {{js "a\'b"}} {{urlquery "a b&c"}} {{print 1 2 "x" 3}}', "&lt;a&gt; a\\'b a+b%26c 1 2x3"],
  ["{{1.5}} {{0x10}} {{'a'}} {{true}} {{1e3}}", "1.5 16 97 true 1000"],
  [
    '{{printf "%5d|%-5d|%05d|%x|%s|%v" 42 42 42 255 .Args .Config.Labels}}',
    "   42|42   |00042|ff|[-c x]|map[b:2 x.y:z]",
  ],
  ['{{printf "%d" "a"}}', "%!d(string=a)"],
  ['{{printf "%s"}}', "%!s(MISSING)"],
  ['{{printf "a" 1}}', "a%!(EXTRA int=1)"],
  ['{{printf "%-10s|%q|%.2f|%5.1f" "ab" "c\\"d" .Half .Half}}', 'ab        |"c\\"d"|0.50|  0.5'],
  ['{{upper "a"}} {{lower "B"}} {{title "ab cd"}} {{pad "x" 1 2}}| {{truncate "abc" 2}}', "A b Ab Cd  x  | ab"],
  ["{{json .Config}}", '{"Env":["A=b","C=d"],"Labels":{"x.y":"z","b":"2"},"Cmd":["sh"]}'],
  ["{{json .State.Health}} {{.State.Health}}", "null <nil>"],
  ["{{.Half}} {{.Big}}", "0.5 1e+21"],
  ["{{(index .Args 0)}} {{(.State).Pid}}", "-c 123"],
  ['{{`raw"`}}', 'raw"'],
];

const FAILURES: [template: string, message: string][] = [
  ["{{.Nope}}", 'template: :1:2: executing "" at <.Nope>: map has no entry for key "Nope"'],
  ["{{.State.Nope}}", 'template: :1:8: executing "" at <.State.Nope>: map has no entry for key "Nope"'],
  ["{{index .Args 5}}", 'template: :1:2: executing "" at <index .Args 5>: error calling index: index out of range: 5'],
  ["{{.Name.Foo}}", 'template: :1:7: executing "" at <.Name.Foo>: can\'t evaluate field Foo in type interface {}'],
  ['{{eq 1 "a"}}', 'template: :1:2: executing "" at <eq 1 "a">: error calling eq: incompatible types for comparison'],
  ['{{template "nope"}}', 'template: :1:11: executing "" at <{{template "nope"}}>: template "nope" not defined'],
  ["a{{nil}}", 'template: :1:3: executing "" at <nil>: nil is not a command'],
  ["{{.Name", "template: :1: unclosed action"],
  ["{{end}}", "template: :1: unexpected {{end}}"],
  ["{{else}}", "template: :1: unexpected {{else}}"],
  ["{{if}}x{{end}}", "template: :1: missing value for if"],
  ["{{if .Name}}x", "template: :1: unexpected EOF"],
  ["{{foo}}", 'template: :1: function "foo" not defined'],
  ["{{$y}}", 'template: :1: undefined variable "$y"'],
  ["{{.}", "template: :1: bad character U+007D '}'"],
  ["{{/* a", "template: :1: unclosed comment"],
  ['{{"a', "template: :1: unterminated quoted string"],
  ["{{break}}", "template: :1: {{break}} outside {{range}}"],
];

describe("a template", () => {
  test.each(OUTPUTS)("%s prints what Go prints", (source, output) => {
    expect(run(source)).toBe(output);
  });

  test.each(FAILURES)("%s fails in Go's words", (source, message) => {
    expect(failure(source)).toBe(message);
  });

  test("a missing key prints <no value> where that is asked for", () => {
    const template = parseTemplate("{{.Nope}}", FUNCTION_NAMES);
    expect(executeTemplate(template, {}, { missingKey: "no-value" })).toBe("<no value>");
  });

  test("Go's names of fields find their JSON names", () => {
    const data = { Id: "x", ApiVersion: "1.5", dns: 1 };
    const template = parseTemplate("{{.ID}} {{.APIVersion}}", FUNCTION_NAMES);
    expect(executeTemplate(template, data, { missingKey: "error", goNames: true })).toBe("x 1.5");
    const lower = parseTemplate("{{.id}}", FUNCTION_NAMES);
    expect(() => executeTemplate(lower, data, { missingKey: "error", goNames: true })).toThrow("no entry");
  });

  test("methods take arguments", () => {
    const data = { Label: (name: unknown) => `<${String(name)}>` };
    const template = parseTemplate('{{.Label "x"}}', FUNCTION_NAMES);
    expect(executeTemplate(template, data, { missingKey: "error" })).toBe("<x>");
  });

  test("names of Object.prototype are not fields", () => {
    expect(failure("{{.constructor}}")).toContain("map has no entry for key");
    expect(failure("{{.__proto__}}")).toContain("map has no entry for key");
  });

  test("templates that call themselves end with an error", () => {
    expect(failure('{{define "T"}}{{template "T"}}{{end}}{{template "T"}}')).toContain(
      "exceeded maximum template depth",
    );
  });

  test("deep nesting is refused", () => {
    expect(failure("{{if 1}}".repeat(1000))).toContain("nested too deeply");
    const open = "(".repeat(10_000);
    expect(failure(`{{${open}1${")".repeat(10_000)}}}`)).toContain("max expression depth exceeded");
  });
});
