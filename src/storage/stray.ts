/** A file or directory in a store that belongs to nothing that the store knows. */
export interface Stray {
  /** Absolute. */
  path: string;
  /** A sentence without its object: `is no blob`. */
  fault: string;
}
