import { invalid } from "../base/errors.ts";

/** ctrl-p, ctrl-q. */
export const DEFAULT_DETACH_KEYS = new Uint8Array([16, 17]);

const CONTROL: Record<string, number> = { "@": 0, "[": 27, "\\": 28, "]": 29, "^": 30, _: 31 };

/** `ctrl-p,ctrl-q`, `a`, `ctrl-[,x`. "" is the default. Throws invalid-argument in Docker's words. */
export function parseDetachKeys(text: string): Uint8Array {
  if (text === "") return DEFAULT_DETACH_KEYS;
  return Uint8Array.from(text.split(","), (key) => {
    const code = keyCode(key);
    if (code === undefined) throw invalid(`Unknown character: '${key}'`);
    return code;
  });
}

function keyCode(key: string): number | undefined {
  if (key.length === 1) return key.charCodeAt(0) < 256 ? key.charCodeAt(0) : undefined;
  const control = /^ctrl-(.)$/i.exec(key)?.[1]?.toLowerCase();
  if (control === undefined) return key === "DEL" ? 127 : undefined;
  return /[a-z]/.test(control) ? control.charCodeAt(0) - 96 : CONTROL[control];
}

/** Looks for the keys in a terminal's input. What may be their beginning is held back until the next byte decides. */
export class DetachScanner {
  readonly #keys: Uint8Array;
  #matched = 0;

  constructor(keys: Uint8Array) {
    this.#keys = keys;
  }

  /** Input to hand on, and whether the keys were seen; what follows them is dropped. */
  push(chunk: Uint8Array): { input: Uint8Array; detached: boolean } {
    const keys = this.#keys;
    if (keys.length === 0) return { input: chunk, detached: false };
    if (this.#matched === 0 && !chunk.includes(keys[0] ?? 0)) return { input: chunk, detached: false };
    const out: number[] = [];
    for (const byte of chunk) {
      if (byte === keys[this.#matched]) {
        this.#matched++;
        if (this.#matched === keys.length) return { input: Uint8Array.from(out), detached: true };
        continue;
      }
      out.push(...keys.subarray(0, this.#matched));
      this.#matched = byte === keys[0] && keys.length > 1 ? 1 : 0;
      if (this.#matched === 0) out.push(byte);
    }
    return { input: Uint8Array.from(out), detached: false };
  }
}
