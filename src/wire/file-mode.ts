/**
 * Go's os.FileMode, which Docker's API uses for the type and the permissions of a file: types in the upper bits, set-id and sticky
 * apart from the permissions. @see https://pkg.go.dev/io/fs#FileMode
 */
export const GO_MODE = {
  directory: 2 ** 31,
  symlink: 2 ** 27,
  device: 2 ** 26,
  namedPipe: 2 ** 25,
  socket: 2 ** 24,
  setuid: 2 ** 23,
  setgid: 2 ** 22,
  characterDevice: 2 ** 21,
  sticky: 2 ** 20,
} as const;

/** By S_IFMT bits. */
const TYPES: Record<number, number> = {
  0o040000: GO_MODE.directory,
  0o120000: GO_MODE.symlink,
  0o060000: GO_MODE.device,
  0o020000: GO_MODE.device + GO_MODE.characterDevice,
  0o010000: GO_MODE.namedPipe,
  0o140000: GO_MODE.socket,
};

/** From the kernel's st_mode. Pure. */
export function toGoMode(mode: number): number {
  return (
    (mode & 0o777) +
    (TYPES[mode & 0o170000] ?? 0) +
    ((mode & 0o4000) === 0 ? 0 : GO_MODE.setuid) +
    ((mode & 0o2000) === 0 ? 0 : GO_MODE.setgid) +
    ((mode & 0o1000) === 0 ? 0 : GO_MODE.sticky)
  );
}

/** Bits above the 31st are beyond JavaScript's bit operators. */
export function hasGoMode(mode: number, bit: number): boolean {
  return Math.floor(mode / bit) % 2 === 1;
}
