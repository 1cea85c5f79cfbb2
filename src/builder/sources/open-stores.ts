import { join } from "node:path";
import { createFilesJobs, type FilesJobs } from "../files/run-files-job.ts";
import { createGitStore, type GitStore } from "./git-checkout.ts";
import { createHttpStore, type HttpStore } from "./http-store.ts";
import { createScratch, type Scratch } from "./scratch.ts";

/** What contexts and sources of builds share. */
export interface SourceStores extends FilesJobs {
  http: HttpStore;
  git: GitStore;
  scratch: Scratch;
}

/** Below the builder's directory: `http/`, `git/`, and `scratch/`, which is emptied. */
export function openSourceStores(directory: string): SourceStores {
  return {
    http: createHttpStore(join(directory, "http")),
    git: createGitStore(join(directory, "git")),
    scratch: createScratch(join(directory, "scratch")),
    ...createFilesJobs(),
  };
}
