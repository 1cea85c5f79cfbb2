import { createReadStream } from "node:fs";
import {
  algorithmOf,
  createDigestStream,
  type Digest,
  type DigestAlgorithm,
  type DigestStream,
} from "../../../formats/oci/digest.ts";

/** Hashes of uploads between two requests; the oldest is dropped, and costs one more reading of its file. */
const MAX_STATES = 1024;
const READ_BYTES = 1 << 20;

/**
 * Hashes of unfinished uploads. Only a short cut: a state counts when it has seen exactly as many bytes as the file has (a file of an
 * upload never changes but by growing), else the file is read again. So another process may have written the rest.
 */
export interface HashStates {
  /** Takes a state out; undefined: there is none for that size and algorithm. */
  take(path: string, sizeBytes: number, algorithm?: DigestAlgorithm): DigestStream | undefined;
  keep(path: string, state: DigestStream): void;
  drop(path: string): void;
}

export function createHashStates(): HashStates {
  const states = new Map<string, DigestStream>();
  return {
    take(path, sizeBytes, algorithm) {
      const state = states.get(path);
      states.delete(path);
      const fits = state?.sizeBytes === sizeBytes && (algorithm === undefined || state.algorithm === algorithm);
      return fits ? state : undefined;
    },
    keep(path, state) {
      states.delete(path);
      states.set(path, state);
      const [oldest] = states.keys();
      if (states.size > MAX_STATES && oldest !== undefined) states.delete(oldest);
    },
    drop: (path) => void states.delete(path),
  };
}

export async function hashFile(path: string, algorithm: DigestAlgorithm): Promise<Digest> {
  const stream = createDigestStream(algorithm);
  for await (const bytes of createReadStream(path, { highWaterMark: READ_BYTES })) stream.update(bytes as Buffer);
  return stream.digest();
}

/** Whether a file holds what its name says. */
export async function isIntact(path: string, digest: Digest): Promise<boolean> {
  return (await hashFile(path, algorithmOf(digest))) === digest;
}
