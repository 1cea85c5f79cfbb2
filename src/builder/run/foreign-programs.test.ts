import { expect, test } from "bun:test";
import { requireRunnable } from "./foreign-programs.ts";

const HOST = { os: "linux", architecture: "amd64" };
const QEMU_AARCH64 = `enabled
interpreter /usr/bin/qemu-aarch64-static
flags: F
offset 0
magic 7f454c460201010000000000000000000200b700
mask ffffffffffffff00fffffffffffffffffeffffff
`;

function check(architecture: string, handlers: string[], os = "linux"): string {
  try {
    requireRunnable({ os, architecture }, HOST, () => handlers);
    return "runs";
  } catch (error) {
    return (error as Error).message;
  }
}

test("the machine's own programs and those of its 32-bit sibling need no handler", () => {
  for (const architecture of ["amd64", "386", ""]) expect(check(architecture, [])).toBe("runs");
});

test("a handler is known by its magic, not by its name", () => {
  expect(check("arm64", [QEMU_AARCH64])).toBe("runs");
  expect(check("riscv64", [QEMU_AARCH64])).toContain("exec format error");
});

test("a handler that is switched off does not count", () => {
  expect(check("arm64", [QEMU_AARCH64.replace("enabled", "disabled")])).toContain("binfmt_misc");
});

test("without a handler the error names what is missing", () => {
  const text = check("s390x", []);
  expect(text).toStartWith("exec format error: linux/amd64 does not run programs for linux/s390x");
});

test("handlers by file name extension run no architecture", () => {
  expect(check("arm64", ["enabled\ninterpreter /usr/bin/wine\nflags: \nextension .exe\n"])).toContain("exec format");
});

test("another operating system is refused", () => {
  expect(check("amd64", [], "windows")).toBe("programs for windows/amd64 do not run on linux/amd64");
});
