import { invalid } from "../../base/errors.ts";
import { resolveUser } from "../../runtime/users.ts";
import type { Owner } from "../graph.ts";

const DIGITS = /^[0-9]+$/;

/**
 * Who `--chown` means in a tree with these files. A number without a group is that group's number, too; a name without one has the
 * group of its passwd entry. Throws invalid-argument for a name that is not there. @see BuildKit docker2llb `--chown`
 */
export function resolveOwner(
  { user, group }: Owner,
  files: () => { passwd: Uint8Array; group: Uint8Array },
): { uid: number; gid: number } {
  if (user === "") throw invalid("invalid chown string: a user is missing");
  if (group === undefined && DIGITS.test(user)) return own(`${user}:${user}`, NO_FILES);
  const spec = group === undefined ? user : `${user}:${group}`;
  const isNumeric = DIGITS.test(user) && group !== undefined && DIGITS.test(group);
  return own(spec, isNumeric ? NO_FILES : files());
}

const NO_FILES = { passwd: new Uint8Array(), group: new Uint8Array() };

function own(spec: string, files: { passwd: Uint8Array; group: Uint8Array }): { uid: number; gid: number } {
  const { uid, gid } = resolveUser(spec, files);
  return { uid, gid };
}
