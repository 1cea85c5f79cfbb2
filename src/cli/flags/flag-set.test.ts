import { describe, expect, test } from "bun:test";
import { type Flag, FlagError, HelpRequested, parseFlags } from "./flag-set.ts";
import { BOOL, BYTES, INT, LIST, STRING } from "./flag-types.ts";

const FLAGS: Flag[] = [
  { name: "interactive", short: "i", type: BOOL, usage: "" },
  { name: "tty", short: "t", type: BOOL, usage: "" },
  { name: "publish", short: "p", type: LIST, usage: "" },
  { name: "memory", short: "m", type: BYTES, usage: "" },
  { name: "name", type: STRING, usage: "" },
  { name: "network", type: LIST, usage: "" },
  { name: "net", type: LIST, usage: "", hidden: true, aliasOf: "network" },
  { name: "timeout", short: "w", type: INT, usage: "", default: "10" },
  { name: "time", type: INT, usage: "", deprecated: "use --timeout instead", aliasOf: "timeout" },
  { name: "sig-proxy", type: BOOL, usage: "", default: "true" },
];

function parse(line: string, interspersed = false) {
  return parseFlags(FLAGS, line === "" ? [] : line.split(" "), { interspersed });
}

function failure(line: string): string {
  try {
    parse(line);
    return "no failure";
  } catch (error) {
    expect(error).toBeInstanceOf(FlagError);
    return (error as Error).message;
  }
}

describe("flags", () => {
  test("short flags are joined, the last one may take a value", () => {
    const parsed = parse("-itp80 img");
    expect([parsed.bool("interactive"), parsed.bool("tty"), parsed.list("publish")]).toEqual([true, true, ["80"]]);
  });

  test("a value follows as a word, after = or at once", () => {
    for (const line of ["-p 80 x", "-p=80 x", "-p80 x", "--publish 80 x", "--publish=80 x"]) {
      expect(parse(line).list("publish")).toEqual(["80"]);
    }
  });

  test("options end at the first positional, or at --", () => {
    expect(parse("-i img -t --name x").arguments).toEqual(["img", "-t", "--name", "x"]);
    expect(parse("-i -- -t x").arguments).toEqual(["-t", "x"]);
    expect(parse("a -i b", true).arguments).toEqual(["a", "b"]);
    expect(parse("- x").arguments).toEqual(["-", "x"]);
  });

  test("bools take a value only after =", () => {
    expect(parse("-i=false x").bool("interactive")).toBe(false);
    expect(parse("--interactive=0 x").bool("interactive")).toBe(false);
    expect(parse("--sig-proxy=false x").bool("sig-proxy")).toBe(false);
    expect(parse("x").bool("sig-proxy")).toBe(true);
  });

  test("repeated flags add up, single ones are replaced", () => {
    expect(parse("-p 1 -p 2 x").list("publish")).toEqual(["1", "2"]);
    expect(parse("--name a --name b x").string("name")).toBe("b");
  });

  test("an alias sets the flag that it stands for; a deprecated one says so", () => {
    expect(parse("--net a --network b x").list("network")).toEqual(["a", "b"]);
    const parsed = parse("--time 3 x");
    expect(parsed.string("timeout")).toBe("3");
    expect(parsed.notices).toEqual(["Flag --time has been deprecated, use --timeout instead"]);
  });

  test("help wins wherever it stands before the positionals", () => {
    expect(() => parse("-i --help x")).toThrow(HelpRequested);
    expect(() => parse("-h")).toThrow(HelpRequested);
    expect(parse("x --help").arguments).toEqual(["x", "--help"]);
  });

  test.each([
    ["--foo", "unknown flag: --foo"],
    ["-y x", "unknown shorthand flag: 'y' in -y"],
    ["-iy x", "unknown shorthand flag: 'y' in -y"],
    ["--name", "flag needs an argument: --name"],
    ["-ip", "flag needs an argument: 'p' in -p"],
    ["---x", "bad flag syntax: ---x"],
    ["-m 5z img", 'invalid argument "5z" for "-m, --memory" flag: invalid suffix: \'z\''],
    ["--timeout x", 'invalid argument "x" for "-w, --timeout" flag: strconv.ParseInt: parsing "x": invalid syntax'],
    ["-it=x img", 'invalid argument "x" for "-t, --tty" flag: strconv.ParseBool: parsing "x": invalid syntax'],
  ])("%s fails in pflag's words", (line, message) => {
    expect(failure(line)).toBe(message);
  });
});
