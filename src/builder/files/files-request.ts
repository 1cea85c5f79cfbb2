import type { ErrorValue } from "../../base/error-value.ts";
import type { LinkedFiles, LinkOrigin } from "../../storage/snapshots/links/link-origins.ts";
import type { ResultEntry } from "../builder.ts";
import type { Owner } from "../graph.ts";
import type { SourcePath } from "./selection.ts";

/** A tree of files as directories of the host, topmost first; one alone is no stack but itself. */
export type Roots = LinkedFiles[];

/** One source of an instruction: where, and what of it. */
export interface SourceSelection extends SourcePath {
  roots: Roots;
  /** What it is called where it is put into a directory, if not by its path. */
  as?: string;
}

export interface SelectionRules {
  /** `--parents`: sources keep the directories that they are in. */
  parents: boolean;
  exclude: string[];
}

/** What a worker is asked. Everything is opened before it confines itself to `confineTo`. */
export type FilesJob =
  /** Into `target`, the new layer's own directory, over `base`. `isWritten`: others write there, too. */
  | {
      kind: "copy";
      target: string;
      isWritten: boolean;
      base: Roots;
      sources: SourceSelection[];
      rules: SelectionRules;
      destination: string;
      owner: Owner | undefined;
      mode: string | undefined;
    }
  /** A directory with all above it. */
  | { kind: "mkdir"; target: string; base: Roots; path: string; mode: number; owner: Owner | undefined }
  /** Digest of all that the selection reads. */
  | { kind: "hash"; sources: SourceSelection[]; rules: SelectionRules; confineTo: string }
  /** Table of contents of a directory, contents hashed; see `contexts/manifest.ts`. */
  | { kind: "scan"; directory: string }
  /** Bytes of the files below it that no other directory has a name of. */
  | { kind: "usage"; directory: string }
  /** Looks into a tree. */
  | { kind: "look"; roots: Roots; question: Question; confineTo: string }
  /** What a source stands for; regular files are opened for the caller, who closes them. */
  | { kind: "open"; source: SourceSelection; base: Roots; owner: Owner | undefined; confineTo: string };

/** `lengthBytes` undefined: to the end. `pattern` undefined: every name. */
export type Question = { path: string } & (
  | { ask: "read"; offsetBytes: number; lengthBytes: number | undefined }
  | { ask: "list"; pattern: string | undefined }
  | { ask: "stat" }
);

export interface FilesRequest {
  job: FilesJob;
  /** Set to 1 by the main thread. */
  cancelled: Int32Array<SharedArrayBuffer>;
}

/** `path`: real, without links. `fd`: of a regular file, else -1. */
export interface OpenedSource {
  name: string;
  path: string;
  fd: number;
}

export type FilesReply =
  | { done: true }
  /** Of a copy: where the files that it has linked may have been made. */
  | { linkedFrom: LinkOrigin[] }
  | { digest: string }
  | { manifest: Uint8Array<ArrayBuffer> }
  | { bytes: number }
  | { content: Uint8Array<ArrayBuffer> }
  | { entries: ResultEntry[] }
  | { opened: OpenedSource[]; owner: { uid: number; gid: number } | undefined }
  | { failed: ErrorValue };
