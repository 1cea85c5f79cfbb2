/** What one layer may ask for; images of any real kind are far below. A layer over a limit is refused and its files are deleted. */
export interface UnpackLimits {
  /** Members of the archive. */
  entries: number;
  /** Uncompressed bytes of the archive. */
  archiveBytes: number;
  /** Uncompressed bytes a compressed byte, once `ratioFromBytes` have come out: what a decompression bomb shows. */
  ratio: number;
  ratioFromBytes: number;
}

export const UNPACK_LIMITS: UnpackLimits = {
  entries: 4_000_000,
  archiveBytes: 128 * 2 ** 30,
  ratio: 400,
  ratioFromBytes: 4 * 2 ** 30,
};

/** PATH_MAX without its NUL. */
export const MAX_PATH_BYTES = 4095;
/** Directories in a path; each costs a system call the first time. */
export const MAX_PATH_DEPTH = 512;
