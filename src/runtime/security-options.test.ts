import { expect, test } from "bun:test";
import { parseSecurityOptions } from "./security-options.ts";

function check(options: string[], expected: object | string): void {
  let got: object | string;
  try {
    got = parseSecurityOptions(options);
  } catch (error) {
    got = (error as Error).message;
  }
  if (typeof expected === "string") expect(got).toBe(expected);
  else expect(got).toMatchObject(expected);
}

test("what Docker takes", () => {
  check([], {
    noNewPrivileges: false,
    seccomp: "builtin",
    labels: [],
    unconfinedSystemPaths: false,
    writableCgroups: false,
  });
  check(["no-new-privileges"], { noNewPrivileges: true });
  check(["no-new-privileges:true"], { noNewPrivileges: true });
  check(["no-new-privileges=true", "no-new-privileges=false"], { noNewPrivileges: false });
  check(["seccomp=unconfined"], { seccomp: "unconfined" });
  check(["seccomp:unconfined"], { seccomp: "unconfined" });
  check(["seccomp=builtin"], { seccomp: "builtin" });
  check(['seccomp={"defaultAction":"SCMP_ACT_ALLOW"}'], { seccomp: { profile: '{"defaultAction":"SCMP_ACT_ALLOW"}' } });
  check(["apparmor=unconfined", "label=disable", "label=type:x", "disable"], {
    apparmor: "unconfined",
    labels: ["disable", "type:x", "disable"],
  });
  check(["systempaths=unconfined", "writable-cgroups=true"], { unconfinedSystemPaths: true, writableCgroups: true });
});

test("what Docker refuses", () => {
  check(["nope"], 'invalid --security-opt 1: "nope"');
  check(["seccomp"], 'invalid --security-opt 1: "seccomp"');
  check(["nope=x"], 'invalid --security-opt 2: "nope=x"');
  check(["no-new-privileges=maybe"], 'invalid --security-opt 2: "no-new-privileges=maybe"');
  check(["systempaths=x"], 'invalid --security-opt 2: "systempaths=x"');
});
