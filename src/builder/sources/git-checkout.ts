import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { EngineError, invalid, isKind } from "../../base/errors.ts";
import { KeyedQueue } from "../../base/keyed-queue.ts";
import { digestOf } from "../../formats/oci/digest.ts";
import type { KeptContext } from "../contexts/contexts.ts";
import type { RunFilesJob } from "../files/run-files-job.ts";
import { withoutCredentials } from "../outputs/attestations/without-credentials.ts";
import { accountApart, serverOf } from "./git-account.ts";
import { type Git, type GitOptions, runGit } from "./git-program.ts";
import { keptId, namedBy } from "./kept-names.ts";
import { oldestNames } from "./oldest-names.ts";
import { refuseLinkLocal } from "./public-address.ts";

/** Repositories that are kept for the next build; those that were used longest ago go. */
const MAX_KEPT = 50;
const REPOSITORY = /^[0-9a-f]{64}$/;
const TRASH = "trash-";
/** In the repository: where it is from. */
const REMOTE_FILE = "gantry-remote";
const COMMIT = /^[0-9a-f]{40}([0-9a-f]{24})?$/;
/** Only these talk to a network and run nothing. @see gitremote-helpers(7) */
const REMOTE = /^((https?|ssh|git):\/\/[^-]|[A-Za-z0-9_][\w.-]*@[A-Za-z0-9])/;

export interface GitSource {
  remote: string;
  /** Branch, tag, ref or commit; "": the default branch. */
  ref: string;
  keepGitDirectory: boolean;
  submodules: boolean;
  /** A commit, or its beginning. */
  checksum: string | undefined;
}

/** How the remote is reached. */
export type GitAccess = Pick<GitOptions, "settings" | "agentSocket" | "signal">;

export interface GitStore {
  /** Fills the empty directory with the files of the commit, and returns it. What is here already is not fetched again. */
  checkOut(source: GitSource, directory: string, access: GitAccess): Promise<string>;
  /** The repositories that are kept. */
  list(run: RunFilesJob): Promise<KeptContext[]>;
  /** Throws not-found, or conflict while it is used. */
  remove(id: string): Promise<void>;
}

/**
 * Repositories of remotes, bare, below `root`: a commit that is here is not fetched again, and a branch is asked for its commit first.
 * Throws invalid-argument for remotes and refs that are none, unavailable where git fails.
 */
export function createGitStore(root: string, git: Git = runGit): GitStore {
  mkdirSync(root, { recursive: true, mode: 0o700 });
  for (const name of readdirSync(root)) {
    const isWhole = REPOSITORY.test(name) && existsSync(join(root, name, REMOTE_FILE));
    if (name !== "home" && !isWhole) rmSync(join(root, name), { recursive: true, force: true });
  }
  const queue = new KeyedQueue();
  return {
    checkOut(source, directory, access) {
      if (!REMOTE.test(source.remote)) throw invalid(`invalid git remote ${JSON.stringify(source.remote)}`);
      const name = digestOf(source.remote).slice("sha256:".length);
      return queue.run(name, async () => {
        const server = serverOf(source.remote);
        if (server !== undefined) await refuseLinkLocal(server);
        const repository = join(root, name);
        const { remote, settings } = accountApart(source.remote);
        // What the client has given for this server counts before an account in the URL.
        const own = {
          home: join(root, "home"),
          ...access,
          settings: access.settings?.length ? access.settings : settings,
        };
        const run: Run = (argv, more = {}) => git(argv, { cwd: repository, ...own, ...more });
        await prepare(root, { name, remote }, run);
        const bare = { ...source, remote };
        const commit = await bring(bare, run);
        checkCommit(commit, source.checksum);
        await checkOut({ source: bare, repository, directory, commit }, run);
        for (const old of oldestNames(root, REPOSITORY, MAX_KEPT)) if (!queue.has(old)) await discard(root, old);
        return commit;
      });
    },
    list: (run) => Promise.all(repositories(root).map((name) => describe(run, { root, name, inUse: queue.has(name) }))),
    async remove(id) {
      const name = namedBy(repositories(root), id, queue);
      await queue.run(name, () => discard(root, name));
    },
  };
}

function repositories(root: string): string[] {
  return readdirSync(root).filter((name) => REPOSITORY.test(name));
}

/** By another name first: half a repository is none. */
async function discard(root: string, name: string): Promise<void> {
  const trash = join(root, `${TRASH}${name}`);
  await rm(trash, { recursive: true, force: true });
  renameSync(join(root, name), trash);
  await rm(trash, { recursive: true, force: true });
}

async function describe(
  run: RunFilesJob,
  { root, name, inUse }: { root: string; name: string; inUse: boolean },
): Promise<KeptContext> {
  const directory = join(root, name);
  const { birthtime, mtime } = statSync(directory);
  const remote = readFileSync(join(directory, REMOTE_FILE), "utf8");
  const reply = await run({ kind: "usage", directory }, new AbortController().signal).catch((error: unknown) => {
    // It went while it was measured.
    if (!existsSync(directory)) return { bytes: 0 };
    throw error;
  });
  return {
    id: keptId(name),
    description: `git repository ${withoutCredentials(remote)}`,
    sizeBytes: "bytes" in reply ? reply.bytes : 0,
    inUse,
    createdAt: birthtime,
    lastUsedAt: mtime,
  };
}

type Run = (argv: string[], more?: Partial<GitOptions>) => Promise<string>;

/** A directory that is not whole goes by another name first. */
async function prepare(root: string, { name, remote }: { name: string; remote: string }, run: Run): Promise<void> {
  const repository = join(root, name);
  if (!existsSync(join(repository, "HEAD"))) {
    const fresh = join(root, `new-${name}`);
    await rm(fresh, { recursive: true, force: true });
    mkdirSync(fresh, { mode: 0o700 });
    await run(["init", "--quiet", "--bare", "."], { cwd: fresh });
    writeFileSync(join(fresh, REMOTE_FILE), remote);
    renameSync(fresh, repository);
  }
  // What a fetch that was killed has left.
  await rm(join(repository, "shallow.lock"), { force: true });
  const now = new Date();
  utimesSync(repository, now, now);
}

/** The commit, which is in the repository then. */
async function bring({ remote, ref }: GitSource, run: Run): Promise<string> {
  const commit = COMMIT.test(ref) ? ref : await resolve(remote, ref, run);
  if (await hasCommit(commit, run)) return commit;
  const fetch = (...refspecs: string[]) =>
    run(["fetch", "--quiet", "--no-tags", "--force", "--update-head-ok", ...refspecs]);
  try {
    await fetch("--depth=1", "--", remote, commit);
  } catch (error) {
    if (!isKind(error, "unavailable")) throw error;
    // A server that does not give single commits.
    await fetch("--", remote, "+refs/heads/*:refs/remotes/origin/*", "+refs/tags/*:refs/tags/*");
  }
  if (!(await hasCommit(commit, run))) throw new EngineError("not-found", `repository does not contain ref ${ref}`);
  return commit;
}

/** Short names are heads before tags; of a tag that is an object of its own, what it stands for. */
async function resolve(remote: string, ref: string, run: Run): Promise<string> {
  const wanted = ref === "" ? "HEAD" : ref;
  const text = await run(["ls-remote", "--quiet", "--", remote, wanted, `${wanted}^{}`]);
  const found = new Map(text.split("\n").map((line) => line.split("\t").reverse() as [string, string]));
  const names =
    wanted.startsWith("refs/") || wanted === "HEAD" ? [wanted] : [`refs/heads/${wanted}`, `refs/tags/${wanted}`];
  for (const name of names) {
    const commit = found.get(`${name}^{}`) ?? found.get(name);
    if (commit !== undefined && COMMIT.test(commit)) return commit;
  }
  throw new EngineError(
    "not-found",
    `repository does not contain ref ${wanted}, output: ${JSON.stringify(text.slice(0, 200))}`,
  );
}

async function hasCommit(commit: string, run: Run): Promise<boolean> {
  try {
    await run(["cat-file", "-e", `${commit}^{commit}`]);
    return true;
  } catch (error) {
    if (isKind(error, "unavailable")) return false;
    throw error;
  }
}

function checkCommit(commit: string, checksum: string | undefined): void {
  if (checksum === undefined || commit.startsWith(checksum.toLowerCase())) return;
  throw invalid(`expected checksum to match ${checksum}, got ${commit}`);
}

interface CheckOut {
  source: GitSource;
  repository: string;
  directory: string;
  commit: string;
}

/** The remote's files by way of a repository of their own, so that `.git` is whole where it is kept. */
async function checkOut({ source, repository, directory, commit }: CheckOut, run: Run): Promise<void> {
  const here = { cwd: directory };
  await run(["init", "--quiet", "."], here);
  await run(["update-ref", "refs/gantry/wanted", commit]);
  const fetch = ["fetch", "--quiet", "--depth=1", "--no-tags", "--no-recurse-submodules", "--", repository];
  await run([...fetch, "refs/gantry/wanted"], { ...here, allowFile: true });
  await run(["remote", "add", "origin", "--", source.remote], here);
  await run(["checkout", "--quiet", "--force", "--detach", commit, "--"], here);
  if (source.submodules && existsSync(join(directory, ".gitmodules"))) {
    await run(["submodule", "--quiet", "update", "--init", "--recursive", "--depth=1"], here);
  }
  if (source.keepGitDirectory) return;
  await removeGitDirectories(directory);
}

/** Of the checkout and of its submodules: no link is followed. */
async function removeGitDirectories(directory: string): Promise<void> {
  await rm(join(directory, ".git"), { recursive: true, force: true });
  for (const entry of await readdir(directory, { withFileTypes: true })) {
    if (entry.isDirectory()) await removeGitDirectories(join(directory, entry.name));
  }
}
