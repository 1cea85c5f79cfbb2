/**
 * Writes src/runtime/seccomp/syscalls.json: system call numbers by architecture and name. Asks libseccomp (Debian packages
 * libseccomp-dev and gcc) for what it knows and adds what newer kernels have, which is the same number everywhere.
 * Run as `bun scripts/generate-syscall-tables.ts`.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const X32_BIT = 0x4000_0000;
const FIRST_COMMON = 451;
/** From Linux 6.4 on a call has one number on all architectures; x32 adds its bit. @see linux scripts/syscall.tbl */
const COMMON = (
  "cachestat fchmodat2 map_shadow_stack futex_wake futex_wait futex_requeue statmount listmount lsm_get_self_attr " +
  "lsm_set_self_attr lsm_list_modules mseal setxattrat getxattrat listxattrat removexattrat open_tree_attr file_getattr file_setattr"
).split(" ");
const ONLY_AMD64 = { uretprobe: 335, uprobe: 336 };

const PROGRAM = `
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
static void list(const char *name, uint32_t arch, int first, int count) {
  for (int number = first; number < first + count; number++) {
    char *call = seccomp_syscall_resolve_num_arch(arch, number);
    if (call) printf("%s %s %d\\n", name, call, number);
    free(call);
  }
}
int main(void) {
  list("amd64", SCMP_ARCH_X86_64, 0, 451);
  list("x86", SCMP_ARCH_X86, 0, 451);
  list("x32", SCMP_ARCH_X32, ${X32_BIT}, 600);
  list("arm64", SCMP_ARCH_AARCH64, 0, 451);
  list("arm", SCMP_ARCH_ARM, 0, 451);
  list("arm", SCMP_ARCH_ARM, 0xf0000, 16);
}`;

function askLibseccomp(): string {
  const directory = mkdtempSync(join(tmpdir(), "syscall-tables-"));
  try {
    writeFileSync(join(directory, "list.c"), PROGRAM);
    execFileSync("gcc", ["-o", join(directory, "list"), join(directory, "list.c"), "-lseccomp"]);
    return execFileSync(join(directory, "list"), { encoding: "utf8" });
  } finally {
    rmSync(directory, { recursive: true });
  }
}

const tables: Record<string, Record<string, number>> = { amd64: {}, x86: {}, x32: {}, arm64: {}, arm: {} };
for (const line of askLibseccomp().trim().split("\n")) {
  const [architecture = "", name = "", number = ""] = line.split(" ");
  const table = tables[architecture];
  if (table !== undefined) table[name] = Number(number);
}
for (const [architecture, table] of Object.entries(tables)) {
  const bit = architecture === "x32" ? X32_BIT : 0;
  COMMON.forEach((name, index) => {
    table[name] = bit + FIRST_COMMON + index;
  });
}
Object.assign(tables["amd64"] ?? {}, ONLY_AMD64);
writeFileSync(join(import.meta.dir, "../src/runtime/seccomp/syscalls.json"), `${JSON.stringify(tables, null, 2)}\n`);
