import { randomBytes } from "node:crypto";

/** 64 lower-case hex digits, never all digits in its short form (a short id must not read as a number). */
export function randomId(): string {
  for (;;) {
    const id = randomBytes(32).toString("hex");
    if (!/^\d+$/.test(id.slice(0, 12))) return id;
  }
}

/** The 12 digits that `ps` shows. */
export function shortId(id: string): string {
  return id.slice(0, 12);
}
