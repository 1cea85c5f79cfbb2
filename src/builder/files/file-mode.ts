import { invalid } from "../../base/errors.ts";

/** The mode that a file gets: permission bits with set-id and sticky. */
export type ModeChange = (mode: number, isDirectory: boolean) => number;

const WHO: Record<string, number> = { u: 0o4700, g: 0o2070, o: 0o1007, a: 0o7777 };
const SHIFTS: Record<string, number> = { u: 6, g: 3, o: 0 };
const CLAUSE = /^([ugoa]*)((?:[-+=](?:[rwxXst]*|[ugo]))+)$/;

/**
 * What `--chmod` says: octal digits, or clauses as chmod(1) takes them (`u=rwX,go=rX`), applied to the file's own mode. Without
 * "who", all; there is no umask. Throws invalid-argument. @see POSIX chmod, "Operands"
 */
export function parseModeChange(text: string): ModeChange {
  if (/^[0-7]{1,5}$/.test(text) && Number.parseInt(text, 8) <= 0o7777) {
    const mode = Number.parseInt(text, 8);
    return () => mode;
  }
  const clauses = text.split(",").map((clause) => parseClause(clause, text));
  return (mode, isDirectory) => clauses.reduce((current, apply) => apply(current, isDirectory), mode & 0o7777);
}

function parseClause(clause: string, text: string): ModeChange {
  const [, who = "", actions = ""] = CLAUSE.exec(clause) ?? [];
  if (actions === "") {
    throw invalid(
      `invalid chmod parameter: '${text}'. it should be octal string and between 0 and 07777, or symbolic as u=rwX,go=rX`,
    );
  }
  const classes = who === "" ? ["a"] : who.split("");
  const affected = classes.reduce((bits, one) => bits | (WHO[one] ?? 0), 0);
  const steps = [...actions.matchAll(/([-+=])([ugo]|[rwxXst]*)/g)];
  return (before, isDirectory) => {
    let mode = before;
    for (const [, operator, permissions = ""] of steps) {
      const bits = bitsOf(permissions, mode, isDirectory) & affected;
      if (operator === "+") mode |= bits;
      else if (operator === "-") mode &= ~bits;
      else mode = (mode & ~cleared(affected, isDirectory)) | bits;
    }
    return mode;
  };
}

/** `=` leaves a directory its set-id bits, as GNU chmod does. */
function cleared(affected: number, isDirectory: boolean): number {
  return isDirectory ? affected & ~0o6000 : affected;
}

/** For all three classes; the caller masks. */
function bitsOf(permissions: string, mode: number, isDirectory: boolean): number {
  const from = SHIFTS[permissions];
  if (from !== undefined) return ((mode >> from) & 7) * 0o111;
  let bits = 0;
  for (const letter of permissions) {
    if (letter === "r") bits |= 0o444;
    else if (letter === "w") bits |= 0o222;
    else if (letter === "x" || (letter === "X" && (isDirectory || (mode & 0o111) !== 0))) bits |= 0o111;
    else if (letter === "s") bits |= 0o6000;
    else if (letter === "t") bits |= 0o1000;
  }
  return bits;
}
