import { writeSync } from "node:fs";
import { cstring, ptr, syscall } from "./libc.ts";

const MFD_CLOEXEC = 0x1;
const MFD_ALLOW_SEALING = 0x2;
const F_ADD_SEALS = 1033;
const F_SEAL_SEAL = 0x1;
const F_SEAL_SHRINK = 0x2;
const F_SEAL_GROW = 0x4;
const F_SEAL_WRITE = 0x8;

/** A file without a name that holds `bytes`, read from its start. The caller closes it. */
export function createMemfd(name: string, bytes: Uint8Array): number {
  const label = cstring(name);
  const fd = syscall("memfd_create", name, ptr(label), MFD_CLOEXEC | MFD_ALLOW_SEALING);
  for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at, bytes.length - at, at);
  return fd;
}

/** As `createMemfd`, and nobody can ever change it again, whoever gets hold of it. */
export function createSealedMemfd(name: string, bytes: Uint8Array): number {
  const fd = createMemfd(name, bytes);
  syscall("fcntl", name, fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE);
  return fd;
}
