import { expect, test } from "bun:test";
import { deviceProgram } from "./device-program.ts";
import { DEFAULT_DEVICE_RULES, type DeviceRule, parseDeviceCgroupRule } from "./device-rules.ts";

/** Runs the few eBPF instructions that the generator uses. Returns register 0. */
function run(program: Uint8Array, context: readonly [accessType: number, major: number, minor: number]): number {
  const view = new DataView(program.buffer, program.byteOffset, program.byteLength);
  const registers = Array.from({ length: 10 }, () => 0);
  for (let at = 0; at < program.length / 8; at++) {
    const code = view.getUint8(at * 8);
    const [to, from] = [view.getUint8(at * 8 + 1) & 15, view.getUint8(at * 8 + 1) >> 4];
    const offset = view.getInt16(at * 8 + 2, true);
    const constant = view.getInt32(at * 8 + 4, true);
    const [a, b] = [registers[to] ?? 0, registers[from] ?? 0];
    if (code === 0x95) return registers[0] ?? 0;
    if (code === 0x61) registers[to] = context[offset / 4] ?? 0;
    else if (code === 0xbf) registers[to] = b;
    else if (code === 0xb7) registers[to] = constant;
    else if (code === 0x54) registers[to] = (a & constant) >>> 0;
    else if (code === 0x74) registers[to] = a >>> constant;
    else if (code === 0x55) at += a === constant ? 0 : offset;
    else if (code === 0x5d) at += a === b ? 0 : offset;
    else throw new RangeError(`code ${code}`);
  }
  throw new RangeError("no exit");
}

const KIND = { b: 1, c: 2 };
const ACCESS = { m: 1, r: 2, w: 4 };

/** `c 1:3 rw`: may all of this be done? */
function allowed(rules: readonly DeviceRule[], request: string): boolean {
  const [kind = "", numbers = "", access = ""] = request.split(" ");
  const [major = 0, minor = 0] = numbers.split(":").map(Number);
  const bits = access.split("").reduce((sum, letter) => sum | ACCESS[letter as "m"], 0);
  return run(deviceProgram(rules), [(bits << 16) | KIND[kind as "b"], major, minor]) === 1;
}

test("attack 15: the default list allows its own devices and the making of any node", () => {
  const yes = ["c 1:3 rw", "c 1:9 r", "c 5:2 rw", "c 136:7 rwm", "b 8:0 m", "c 10:229 m"];
  const no = ["b 8:0 r", "b 8:0 rm", "c 1:1 r", "c 10:229 rw", "c 254:0 w", "b 1:3 r", "c 1:4 r"];
  for (const request of yes) expect([request, allowed(DEFAULT_DEVICE_RULES, request)]).toEqual([request, true]);
  for (const request of no) expect([request, allowed(DEFAULT_DEVICE_RULES, request)]).toEqual([request, false]);
});

test("rules with all kinds, partial access and wild cards", () => {
  const rules = ["a 8:* r", "c *:5 wm"].map(parseDeviceCgroupRule);
  expect(["b 8:1 r", "c 8:9 r", "c 7:5 w", "c 7:5 wm"].map((request) => allowed(rules, request))).toEqual([
    true,
    true,
    true,
    true,
  ]);
  expect(["b 8:1 w", "b 8:1 rw", "b 7:5 w", "c 7:5 r"].map((request) => allowed(rules, request))).toEqual([
    false,
    false,
    false,
    false,
  ]);
});

test("bad rules are refused in Docker's words", () => {
  for (const rule of ["", "c 1:3", "x 1:3 r", "c 1:3 x", "c 1:3 rwmr", "c a:3 r", "c 99999999999:0 r", "c 1:3 r "]) {
    expect(() => parseDeviceCgroupRule(rule)).toThrow(`invalid device cgroup rule format: '${rule}'`);
  }
});
