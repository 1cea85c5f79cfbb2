import {
  AT_FDCWD,
  closeFd,
  makeDirAt,
  O_CREAT,
  O_DIRECTORY,
  O_WRONLY,
  openAt,
  writeFull,
} from "../../src/kernel/files.ts";

/** A tree that no path reaches the bottom of: `depth` directories within one another, and a file of five bytes in the last. */
export function makeDeepTree(root: string, depth: number): void {
  let fd = openAt(AT_FDCWD, root, O_DIRECTORY);
  for (let level = 0; level < depth; level++) {
    makeDirAt(fd, "ddddd", 0o755);
    const child = openAt(fd, "ddddd", O_DIRECTORY);
    closeFd(fd);
    fd = child;
  }
  const file = openAt(fd, "file", O_CREAT | O_WRONLY, 0o644);
  writeFull(file, Buffer.from("12345"));
  closeFd(file);
  closeFd(fd);
}
