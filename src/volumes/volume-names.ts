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
