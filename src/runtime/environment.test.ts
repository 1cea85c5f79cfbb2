import { expect, test } from "bun:test";
import { buildEnvironment } from "./environment.ts";

const PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

function check(environment: string[], expected: string[], rest: { tty?: boolean; extra?: string[] } = {}): void {
  expect(buildEnvironment({ environment, hostname: "h", tty: false, home: "/root", ...rest })).toEqual(expected);
}

test("defaults come first, HOME last", () => {
  check([], [PATH, "HOSTNAME=h", "HOME=/root"]);
  check([], [PATH, "HOSTNAME=h", "TERM=xterm", "HOME=/root"], { tty: true });
  check(["A=1"], [PATH, "HOSTNAME=h", "DB_PORT=1", "A=1", "HOME=/root"], { extra: ["DB_PORT=1"] });
});

test("a later value replaces an earlier one in its place, a bare name removes it", () => {
  check(["PATH=/x", "A=1", "A=2=3", "HOME=/h"], ["PATH=/x", "HOSTNAME=h", "A=2=3", "HOME=/h"]);
  check(["A=1", "TERM=dumb", "A"], [PATH, "HOSTNAME=h", "TERM=dumb", "HOME=/root"], { tty: true });
  check(["EMPTY="], [PATH, "HOSTNAME=h", "EMPTY=", "HOME=/root"]);
});
