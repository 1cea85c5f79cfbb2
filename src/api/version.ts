import { invalid } from "../base/errors.ts";

/** Versions of the Engine API are `1.<minor>`; handlers see the minor number. */
export const MAX_API_MINOR = 55;
export const MIN_API_MINOR = 24;
export const MAX_API_VERSION = `1.${MAX_API_MINOR}`;
export const MIN_API_VERSION = `1.${MIN_API_MINOR}`;

/** The minor number of a path's `/v1.41`. Throws invalid-argument, in Docker's words, where we do not speak it. */
export function parseApiVersion(text: string): number {
  const match = /^(\d{1,6})\.(\d{1,6})$/.exec(text);
  if (match === null) throw invalid(`invalid API version: ${text.slice(0, 32)}`);
  const [major, minor] = [Number(match[1]), Number(match[2])];
  if (major > 1 || (major === 1 && minor > MAX_API_MINOR)) {
    throw invalid(`client version ${text} is too new. Maximum supported API version is ${MAX_API_VERSION}`);
  }
  if (major < 1 || minor < MIN_API_MINOR) {
    throw invalid(
      `client version ${text} is too old. Minimum supported API version is ${MIN_API_VERSION}, please upgrade your client to a newer version`,
    );
  }
  return minor;
}

/** Whether a client of minor version `version` knows what came with 1.`minor`. */
export function atLeast(version: number, minor: number): boolean {
  return version >= minor;
}
