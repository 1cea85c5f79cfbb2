import { EngineError, invalid } from "../base/errors.ts";

const NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/;
/** One component of a path. */
const MAX_NAME_BYTES = 255;

/** Throws invalid-argument with Docker's texts. */
export function validateVolumeName(name: string): void {
  if (name.length === 1) {
    throw invalid(`create ${name}: volume name is too short, names should be at least two alphanumeric characters`);
  }
  if (!NAME.test(name) || name.length > MAX_NAME_BYTES) {
    throw invalid(
      `create ${name}: ${JSON.stringify(name)} includes invalid characters for a local volume name, only "[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed. If you intended to pass a host directory, use absolute path`,
    );
  }
}

/** Only `local` exists. Throws not-found with Docker's text. */
export function validateVolumeDriver(name: string, driver: string): void {
  if (driver === "" || driver === "local") return;
  throw new EngineError(
    "not-found",
    `create ${name}: error looking up volume plugin ${driver}: plugin ${JSON.stringify(driver)} not found`,
  );
}

const OPTIONS = new Set(["type", "o", "device", "size"]);

/**
 * What `local` knows of mount options. A mount of its own (`type=nfs` …) is refused: a volume here is a directory. Throws
 * invalid-argument for what Docker does not know either, not-implemented for what it does.
 */
export function validateVolumeOptions(name: string, options: Record<string, string>): void {
  for (const key of Object.keys(options)) {
    if (!OPTIONS.has(key)) throw invalid(`create ${name}: invalid option: ${JSON.stringify(key)}`);
  }
  if (Object.keys(options).length === 0) return;
  throw new EngineError(
    "not-implemented",
    `create ${name}: mount options of the local driver (${Object.keys(options).join(", ")}) are not supported`,
  );
}
