import { E2BIG, SystemError } from "./errno.ts";
import { AT_FDCWD, closeFd, O_DIRECTORY, O_PATH, openAt } from "./files.ts";
import { cstring, ptr, syscall } from "./libc.ts";

export const CLONE_FS = 0x200;
export const CLONE_NEWNS = 0x20000;
const MS_REC = 0x4000;
const MS_PRIVATE = 1 << 18;
const MS_RDONLY = 1;
const MS_NOSUID = 2;
const MS_NODEV = 4;
const MS_NOEXEC = 8;

/**
 * Gives the calling thread a root directory of its own, for ever: only for a worker that is thrown away afterwards and has loaded
 * every module it needs. Afterwards no path, symlink or `..` of any archive can name anything outside of `directory`.
 */
export function confineThread(directory: string): void {
  const fd = openAt(AT_FDCWD, directory, O_PATH | O_DIRECTORY);
  syscall("unshare", "CLONE_FS", CLONE_FS);
  enterRoot(fd);
  closeFd(fd);
}

/**
 * The same, on a read-only overlay that is mounted in a mount namespace of the thread's own: it vanishes with the thread.
 * `data`: overlay options, paths relative to `cwd`. `target`: an empty directory to mount on.
 */
export function confineThreadToOverlay(overlay: { cwd: string; data: string; target: string }): void {
  const fd = openAt(AT_FDCWD, overlay.target, O_PATH | O_DIRECTORY);
  closeFd(fd);
  unshareMounts();
  changeDirectory(overlay.cwd);
  mount("overlay", overlay.target, "overlay", {
    flags: MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC,
    data: overlay.data,
  });
  const root = openAt(AT_FDCWD, overlay.target, O_PATH | O_DIRECTORY);
  enterRoot(root);
  closeFd(root);
}

/** Mounts of the thread's own, a copy of those around it: nothing that is mounted here shows anywhere else. */
export function unshareMounts(): void {
  syscall("unshare", "CLONE_FS|CLONE_NEWNS", CLONE_FS | CLONE_NEWNS);
  mount("none", "/", "none", { flags: MS_REC | MS_PRIVATE });
}

/** Takes the directory as root and as working directory. */
export function enterRoot(fd: number): void {
  enterDirectory(fd);
  const dot = cstring(".");
  syscall("chroot", "new root", ptr(dot));
}

export function enterDirectory(fd: number): void {
  syscall("fchdir", `fd ${fd}`, fd);
}

export function changeDirectory(path: string): void {
  const bytes = cstring(path);
  syscall("chdir", path, ptr(bytes));
}

/** The kernel copies options into one page, and cuts what is more. */
const MAX_MOUNT_DATA = 4095;

export function mount(source: string, target: string, fstype: string, options: { flags: number; data?: string }): void {
  if ((options.data ?? "").length > MAX_MOUNT_DATA) throw new SystemError("mount", E2BIG, target);
  const [sourceBytes, targetBytes, typeBytes, dataBytes] = [
    cstring(source),
    cstring(target),
    cstring(fstype),
    cstring(options.data ?? ""),
  ];
  syscall("mount", target, ptr(sourceBytes), ptr(targetBytes), ptr(typeBytes), options.flags, ptr(dataBytes));
}
