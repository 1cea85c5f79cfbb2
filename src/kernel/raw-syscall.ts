import { CFunction, dlopen, type Pointer, ptr } from "bun:ffi";

/**
 * The `syscall` instruction with the seven words of a C call moved to where the kernel wants them. The kernel's own answer comes back,
 * minus errno for a failure. libc's `syscall(2)` keeps errno in a variable of the thread, which the runtime may overwrite by
 * calls of its own before a second foreign call has read it.
 * @see syscall(2) "Architecture calling conventions"
 */
const CODE: Record<string, string> = {
  // mov rax,rdi; mov rdi,rsi; mov rsi,rdx; mov rdx,rcx; mov r10,r8; mov r8,r9; mov r9,[rsp+8]; syscall; ret
  x64: "4889f8 4889f7 4889d6 4889ca 4d89c2 4d89c8 4c8b4c2408 0f05 c3",
  // mov x8,x0; mov x0,x1; … mov x5,x6; svc #0; ret
  arm64: "e80300aa e00301aa e10302aa e20303aa e30304aa e40305aa e50306aa 010000d4 c0035fd6",
};

const PAGE_BYTES = 4096;
const PROT_READ_EXEC = 0x1 | 0x4;
const MAP_PRIVATE = 0x2;
const MFD_CLOEXEC = 0x1;

type Words = [number, ...(number | bigint)[]];

/** `(number, a, b, c, d, e, f)`: the call's result or minus errno. Its page, read-only and never writable, stays with the process. */
export const rawSyscall: (...words: Words) => number | bigint = loadRawSyscall();

function loadRawSyscall(): (...words: Words) => number | bigint {
  const hex = CODE[process.arch];
  if (hex === undefined) throw new Error(`no system calls on ${process.arch}`);
  const libc = dlopen("libc.so.6", {
    memfd_create: { args: ["ptr", "u32"], returns: "i32" },
    write: { args: ["i32", "ptr", "u64"], returns: "i64_fast" as "i64" },
    mmap: { args: ["u64", "u64", "i32", "i32", "i32", "i64"], returns: "ptr" },
    close: { args: ["i32"], returns: "i32" },
  });
  const code = Buffer.from(hex.replaceAll(" ", ""), "hex");
  const name = Buffer.from("syscall\0");
  const fd = libc.symbols.memfd_create(ptr(name), MFD_CLOEXEC);
  const written = Number(libc.symbols.write(fd, ptr(code), code.length));
  const page = libc.symbols.mmap(0, PAGE_BYTES, PROT_READ_EXEC, MAP_PRIVATE, fd, 0);
  libc.symbols.close(fd);
  // mmap's failure is the address -1.
  if (fd < 0 || written !== code.length || page === null || Number(page) > Number.MAX_SAFE_INTEGER)
    throw new Error("the kernel gives no memory for the code of system calls");
  return CFunction({
    ptr: page as Pointer,
    args: ["i64", "i64", "i64", "i64", "i64", "i64", "i64"],
    returns: "i64_fast" as "i64",
  }) as unknown as (...words: Words) => number | bigint;
}
