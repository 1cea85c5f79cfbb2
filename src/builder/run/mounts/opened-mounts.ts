import type { BackingFile, BackingInput, MountInput } from "../../../runtime/plan/plan-input.ts";

/** What the mounts of one step come to, for its plan. */
export interface OpenedMounts {
  mounts: MountInput[];
  /** Overlays that `mounts` bind from. */
  backings: BackingInput[];
  /** Files in memory that `mounts` bind from: secrets. */
  files: BackingFile[];
  /** `NAME=value` that come to the environment. */
  environment: string[];
  /** What must be given back when the step is over, in reverse order. None of them throws. */
  releases: (() => void | Promise<void>)[];
}

/** Directory of the backings' place with the files of `OpenedMounts.files`. */
export const FILES_BACKING = "files";
