import { afterAll, beforeAll, expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { messageOf } from "../../src/base/errors.ts";
import type { SolveRequest } from "../../src/builder/builder.ts";
import type { SourceOp } from "../../src/builder/graph.ts";
import { JobContexts } from "../../src/builder/solver/job-contexts.ts";
import { openSourceStores } from "../../src/builder/sources/open-stores.ts";
import { FAKE_REQUEST } from "../harness/fake-frontend.ts";
import { freePort } from "../harness/free-port.ts";
import { until } from "../harness/until.ts";
import { OPTIONS, openSourceBox } from "./source-box.ts";
import { isRoot } from "./world.ts";

const hasGit = existsSync("/usr/bin/git") && existsSync("/usr/lib/git-core/git-daemon");
if (!hasGit) console.log("(skip) test/builder-files: repositories need the git program");

const box = openSourceBox();
const { root, directory, stores, contexts, bring } = box;
const failure = (promise: Promise<unknown>) => promise.then(() => "", messageOf);

let daemon: Bun.Subprocess | undefined;
let remote = "";
let commits: string[] = [];
const upstream = join(root, "upstream");

function git(cwd: string, ...argv: string[]): string {
  const author = { GIT_AUTHOR_NAME: "a", GIT_AUTHOR_EMAIL: "a@b", GIT_COMMITTER_NAME: "a", GIT_COMMITTER_EMAIL: "a@b" };
  const env = { ...process.env, ...author, GIT_ALLOW_PROTOCOL: "file:git", HOME: root, GIT_CONFIG_NOSYSTEM: "1" };
  const done = Bun.spawnSync(["git", "-c", "init.defaultBranch=main", "-c", "protocol.file.allow=always", ...argv], {
    cwd,
    env,
  });
  if (done.exitCode !== 0) throw new Error(done.stderr.toString());
  return done.stdout.toString().trim();
}

function commit(cwd: string, files: Record<string, string>): string {
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(join(cwd, path, ".."), { recursive: true });
    writeFileSync(join(cwd, path), content);
  }
  git(cwd, "add", "-A");
  git(cwd, "commit", "-qm", "change");
  return git(cwd, "rev-parse", "HEAD");
}

afterAll(async () => {
  daemon?.kill("SIGKILL");
  await daemon?.exited;
  await box.close();
});

beforeAll(async () => {
  if (!hasGit) return;
  const [main, module] = [join(upstream, "main"), join(upstream, "module")];
  for (const path of [main, module]) {
    mkdirSync(path, { recursive: true });
    git(path, "init", "-q");
  }
  const port = freePort();
  remote = `git://127.0.0.1:${port}/main`;
  daemon = Bun.spawn(
    [
      "/usr/lib/git-core/git-daemon",
      "--reuseaddr",
      "--listen=127.0.0.1",
      `--port=${port}`,
      "--export-all",
      `--base-path=${upstream}`,
      upstream,
    ],
    {
      stdout: "ignore",
      stderr: "ignore",
      env: { ...process.env, GIT_CONFIG_COUNT: "1", GIT_CONFIG_KEY_0: "safe.directory", GIT_CONFIG_VALUE_0: "*" },
    },
  );
  commit(module, { inside: "module" });
  commits.push(commit(main, { Dockerfile: "FROM one", "sub/dir/f": "F" }));
  git(main, "tag", "-a", "v1", "-m", "v1");
  commits.push(commit(main, { Dockerfile: "FROM two" }));
  git(main, "branch", "other", commits[0] as string);
  await until("git answers", async () => {
    const asked = Bun.spawnSync(["git", "ls-remote", remote], { env: { ...process.env, GIT_TERMINAL_PROMPT: "0" } });
    return asked.exitCode === 0;
  });
});

const repository = (more: Partial<Extract<SourceOp, { kind: "git" }>> = {}) =>
  ({ kind: "git", remote, ref: "", subdirectory: "", keepGitDirectory: false, checksum: undefined, ...more }) as const;

test.skipIf(!hasGit || !isRoot)("a repository is checked out at its branch, tag, ref or commit", async () => {
  const dockerfile = async (ref: string) => {
    const source = await bring(repository({ ref }));
    return [readFileSync(join(source.directory, "Dockerfile"), "utf8"), source.origin?.digest];
  };
  const [one, two] = commits.map((id) => `sha1:${id}`);
  expect(await dockerfile("")).toEqual(["FROM two", two]);
  expect(await dockerfile("main")).toEqual(["FROM two", two]);
  expect(await dockerfile("v1")).toEqual(["FROM one", one]);
  expect(await dockerfile("refs/heads/other")).toEqual(["FROM one", one]);
  expect(await dockerfile(commits[0] as string)).toEqual(["FROM one", one]);
  expect(await failure(bring(repository({ ref: "none" })))).toContain("repository does not contain ref none");
});

test.skipIf(!hasGit || !isRoot)("subdirectories, .git and checksums", async () => {
  const below = await bring(repository({ subdirectory: "sub" }));
  expect(below.entries.map(({ path }) => path)).toEqual(["dir", "dir/f"]);
  const plain = await bring(repository());
  expect(readdirSync(plain.directory).sort()).toEqual(["Dockerfile", "sub"]);
  const kept = await bring(repository({ keepGitDirectory: true }));
  expect(git(kept.directory, "rev-parse", "HEAD")).toBe(commits[1] as string);
  expect(git(kept.directory, "remote", "get-url", "origin")).toBe(remote);
  await bring(repository({ checksum: commits[1]?.slice(0, 8) as string }));
  expect(await failure(bring(repository({ checksum: "abcdef12" })))).toBe(
    `expected checksum to match abcdef12, got ${commits[1]}`,
  );
  expect(await failure(bring(repository({ subdirectory: "none" })))).toBe(
    'subdir "none" is not a directory of the repository',
  );
});

test.skipIf(!hasGit || !isRoot)("submodules come along, but none from this host", async () => {
  const main = join(upstream, "main");
  git(main, "checkout", "-qb", "modules");
  git(main, "submodule", "add", "-q", remote.replace("/main", "/module"), "mod");
  commit(main, {});
  const source = await bring(repository({ ref: "modules" }));
  expect(source.entries.map(({ path }) => path)).toContain("mod/inside");
  expect(existsSync(join(source.directory, "mod/.git"))).toBe(false);
  git(main, "checkout", "-qb", "local-module");
  git(main, "config", "-f", ".gitmodules", "submodule.mod.url", join(upstream, "module"));
  commit(main, {});
  expect(await failure(bring(repository({ ref: "local-module" })))).toContain("transport 'file' not allowed");
  git(main, "checkout", "-q", "main");
});

test.skipIf(!hasGit || !isRoot)("attack 43: nothing of a repository runs, and no link of it leads out", async () => {
  const main = join(upstream, "main");
  git(main, "checkout", "-qb", "evil");
  const proof = join(root, "proof");
  symlinkSync("/", join(main, "out"));
  commit(main, { ".gitattributes": "* filter=evil\n", ".git-hooks/post-checkout": `#!/bin/sh\ntouch ${proof}\n` });
  git(main, "checkout", "-q", "main");
  const source = await bring(repository({ ref: "evil" }));
  expect(source.entries.find(({ path }) => path === "out")).toMatchObject({ type: "symlink", linkName: "/" });
  // "/" is the top of the repository, where there is no etc.
  expect(await failure(bring(repository({ ref: "evil", subdirectory: "out/etc" })))).toBe(
    'subdir "out/etc" is not a directory of the repository',
  );
  const climbed = await bring(repository({ ref: "evil", subdirectory: "../../../sub" }));
  expect(climbed.entries.map(({ path }) => path)).toEqual(["dir", "dir/f"]);
  expect(existsSync(proof)).toBe(false);
});

test.each([["http://169.254.169.254/x.git"], ["git://[fe80::1]/x"], ["git@169.254.169.254:x"]])(
  "attack 43: the remote %p is refused as one on the link",
  async (evil) => {
    expect(await failure(bring(repository({ remote: evil })))).toContain("is a link-local address: refused");
  },
);

test.each([
  ["ext::sh -c touch% /tmp/x"],
  ["file:///etc"],
  ["/etc"],
  ["--upload-pack=touch /tmp/x"],
  ["-u"],
  ["ssh://-oProxyCommand=touch/x"],
  ["../x.bundle"],
])("attack 43: the remote %p is refused", async (evil) => {
  expect(await failure(bring(repository({ remote: evil })))).toBe(`invalid git remote ${JSON.stringify(evil)}`);
});

test.skipIf(!hasGit)(
  "attack 45: the account in a repository's URL is in no command line, and reaches the server",
  async () => {
    const seen: { authorization: string | null; commands: string }[] = [];
    const host = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      fetch(request) {
        const { stdout } = Bun.spawnSync(["sh", "-c", "cat /proc/[0-9]*/cmdline | tr '\\0' ' '"], { stderr: "ignore" });
        seen.push({ authorization: request.headers.get("authorization"), commands: stdout.toString() });
        return new Response("no", { status: 403 });
      },
    });
    try {
      const remote = `http://me:hush-9157@127.0.0.1:${host.port}/x.git`;
      const told = await failure(bring(repository({ remote })));
      expect(told).toContain("403");
      expect(told).not.toContain("hush-9157");
      expect(seen[0]?.authorization).toBe(`Basic ${Buffer.from("me:hush-9157").toString("base64")}`);
      expect(seen[0]?.commands).toContain(`http://127.0.0.1:${host.port}/x.git`);
      expect(seen[0]?.commands).not.toContain("hush-9157");
      const kept = Bun.spawnSync(["grep", "-r", "hush-9157", directory]);
      expect(kept.stdout.toString()).toBe("");
    } finally {
      await host.stop(true);
    }
  },
);

test.skipIf(!hasGit || !isRoot)("attack 43: a ref is never an option", async () => {
  const proof = join(root, "proof-of-ref");
  expect(await failure(bring(repository({ ref: `--upload-pack=touch ${proof}` })))).not.toBe("");
  expect(existsSync(proof)).toBe(false);
});

test.skipIf(!hasGit || !isRoot)(
  "a context may be a repository, and only its ignore patterns leave something out",
  async () => {
    const context = await contexts.open({ kind: "git", url: `${remote}.git#main:sub`.replace(".git#", "#") }, OPTIONS);
    const source = await context.files({ include: [], exclude: ["dir/f"], followPaths: [] }, OPTIONS);
    expect(source.entries.map(({ path }) => path)).toEqual(["dir"]);
    await context.close();
  },
);

test.skipIf(!hasGit || !isRoot)("repositories that are kept are listed, and cloned again once removed", async () => {
  await bring(repository({}));
  const listed = async () =>
    (await stores.git.list(stores.run)).find(({ description }) => description.endsWith(remote));
  const kept = await listed();
  expect(kept).toMatchObject({ description: `git repository ${remote}`, inUse: false });
  expect(kept?.sizeBytes).toBeGreaterThan(1000);
  const busy = bring(repository({ ref: "evil" }));
  await until("it is in use", async () => (await listed())?.inUse === true);
  expect(await failure(stores.git.remove(kept?.id ?? ""))).toContain("is in use");
  await busy;
  await stores.git.remove(kept?.id ?? "");
  expect(await listed()).toBeUndefined();
  expect((await bring(repository({}))).entries.length).toBeGreaterThan(0);
});

test("a start takes away what a killed daemon was about to remove, or had not made whole", () => {
  const other = mkdtempSync(join(root, "restart-"));
  for (const name of [`trash-${"0".repeat(64)}`, `new-${"1".repeat(64)}`, "2".repeat(64)]) {
    mkdirSync(join(other, "git", name), { recursive: true });
  }
  openSourceStores(other).close();
  expect(readdirSync(join(other, "git"))).toEqual([]);
});

test.skipIf(!hasGit || !isRoot)(
  "the main context's URL names a directory, and BUILDKIT_CONTEXT_KEEP_GIT_DIR keeps .git",
  async () => {
    const all = { include: [], exclude: [], followPaths: [] };
    const paths = async (url: string, more: Partial<SolveRequest> = {}) => {
      const opened = new JobContexts(contexts, { ...FAKE_REQUEST, context: { kind: "git", url }, ...more });
      const { entries } = await (await opened.open("context", OPTIONS)).files(all, OPTIONS);
      await opened.close();
      return entries.map(({ path }) => path).filter((path) => !path.startsWith(".git/"));
    };
    expect(await paths(`${remote}?branch=main&subdir=sub`)).toEqual(["dir", "dir/f"]);
    expect(await paths(`${remote}#main`, { contextSubdirectory: "sub/dir" })).toEqual(["f"]);
    const buildArgs = { BUILDKIT_CONTEXT_KEEP_GIT_DIR: "1" };
    expect(await paths(`${remote}#main`, { buildArgs })).toContain(".git");
    expect(await paths(`${remote}?ref=main&keep-git-dir=0`, { buildArgs })).not.toContain(".git");
    expect(await paths(`${remote}#main`, { buildArgs: { BUILDKIT_CONTEXT_KEEP_GIT_DIR: "0" } })).not.toContain(".git");
  },
);
