import { createHmac, randomBytes } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import type { Clock } from "../../../base/clock.ts";
import { invalid } from "../../../base/errors.ts";

/** bcrypt as Apache's `htpasswd -B` writes it. The other formats of that file are no protection. */
const ENTRY = /^([^:]+):(\$2[aby]\$\d\d\$[./A-Za-z0-9]{53})$/;
/** A verified password is believed so long, since bcrypt is slow on purpose and clients send it with each request. */
const VERIFIED_MS = 60_000;
const MAX_VERIFIED = 1000;
/** bcrypt reads no more of a password. */
const MAX_PASSWORD_BYTES = 72;
/** Work for a user that is not there: the same as for one that is, so that the time tells nothing. */
const NOBODY = "$2b$10$abcdefghijklmnopqrstuuS5Jh3N1jkTVm7H1OIpg6lNW6h5SL7Ya";

export interface Passwords {
  verify(user: string, password: string): Promise<boolean>;
}

/** Users of an htpasswd file, which is read again when it changes. Throws invalid-argument when it cannot be read at the start. */
export function createPasswords(path: string, clock: Clock): Passwords {
  const key = randomBytes(32);
  const verified = new Map<string, number>();
  let { users, stamp } = load(path);
  const reload = () => {
    const now = stampOf(path);
    if (now === stamp) return;
    ({ users, stamp } = load(path));
    verified.clear();
  };
  return {
    async verify(user, password) {
      reload();
      const hash = users.get(user);
      // Neither the password nor anything it could be guessed from stays in memory.
      const mark = createHmac("sha256", key).update(`${user}\0${password}\0${hash}`).digest("base64");
      const until = verified.get(mark);
      if (until !== undefined && clock.monotonicMs() < until) return true;
      const usable = Buffer.byteLength(password) <= MAX_PASSWORD_BYTES && !password.includes("\0");
      const matches = await Bun.password.verify(usable ? password : "", hash ?? worklike(users));
      if (!matches || hash === undefined || !usable) return false;
      verified.set(mark, clock.monotonicMs() + VERIFIED_MS);
      const [oldest] = verified.keys();
      if (verified.size > MAX_VERIFIED && oldest !== undefined) verified.delete(oldest);
      return true;
    },
  };
}

/** As much work as the file's own hashes are. */
function worklike(users: Map<string, string>): string {
  const cost = [...users.values()][0]?.slice(4, 6) ?? "10";
  return `${NOBODY.slice(0, 4)}${cost}${NOBODY.slice(6)}`;
}

function load(path: string): { users: Map<string, string>; stamp: string } {
  const stamp = stampOf(path);
  const users = new Map<string, string>();
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (cause) {
    throw invalid(`htpasswd file ${path}: ${(cause as Error).message}`, { cause });
  }
  for (const [index, line] of text.split("\n").entries()) {
    if (line.trim() === "" || line.startsWith("#")) continue;
    const match = ENTRY.exec(line.trim());
    if (match === null)
      throw invalid(`htpasswd file ${path}: line ${index + 1} is no bcrypt entry (write it with: htpasswd -B)`);
    users.set(match[1] ?? "", (match[2] ?? "").replace("$2y$", "$2b$"));
  }
  return { users, stamp };
}

function stampOf(path: string): string {
  const file = statSync(path, { throwIfNoEntry: false });
  return file === undefined ? "gone" : `${file.ino} ${file.size} ${file.mtimeMs}`;
}
