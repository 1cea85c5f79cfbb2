import { appendFileSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { digestOf } from "../../formats/oci/digest.ts";

/** Entries that are kept, on disk and in memory; an entry is 140 bytes. The oldest go. */
const MAX_ENTRIES = 16_384;
const LINE = /^([a-f0-9]{64}) (sha256:[a-f0-9]{64})$/;

/** Digests of parts of trees, which never change: what has been hashed once need not be read again, after a restart neither. */
export interface RememberedKeys {
  get(question: string): string | undefined;
  put(question: string, digest: string): void;
}

/** `file`: lines of `<hash of the question> <digest>`, appended; a line that a crash has cut does not count. */
export function createRememberedKeys(file: string): RememberedKeys {
  let known: Map<string, string> | undefined;
  const load = () => {
    known ??= readLines(file);
    return known;
  };
  return {
    get: (question) => load().get(hash(question)),
    put(question, digest) {
      const keys = load();
      keys.set(hash(question), digest);
      if (keys.size <= MAX_ENTRIES) return appendFileSync(file, `${hash(question)} ${digest}\n`, { mode: 0o600 });
      for (const key of [...keys.keys()].slice(0, MAX_ENTRIES / 2)) keys.delete(key);
      writeFileSync(`${file}.new`, [...keys].map(([key, value]) => `${key} ${value}\n`).join(""), { mode: 0o600 });
      renameSync(`${file}.new`, file);
    },
  };
}

function readLines(file: string): Map<string, string> {
  const keys = new Map<string, string>();
  for (const line of textOf(file).split("\n")) {
    const [, key, digest] = LINE.exec(line) ?? [];
    if (key !== undefined && digest !== undefined) keys.set(key, digest);
  }
  return keys;
}

function textOf(file: string): string {
  try {
    // After a line that was cut, the next begins anew.
    const text = readFileSync(file, "latin1");
    if (text !== "" && !text.endsWith("\n")) appendFileSync(file, "\n");
    return text;
  } catch (error) {
    if ((error as { code?: string }).code === "ENOENT") return "";
    throw error;
  }
}

function hash(question: string): string {
  return digestOf(question).slice("sha256:".length);
}
