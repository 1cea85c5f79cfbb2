import { afterAll, beforeAll, expect, test } from "bun:test";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { messageOf } from "../../src/base/errors.ts";
import { silentLogger } from "../../src/base/logger.ts";
import { createContexts } from "../../src/builder/contexts/create-contexts.ts";
import type { OpContext } from "../../src/builder/executor.ts";
import type { SourceOp } from "../../src/builder/graph.ts";
import type { SolveRequest } from "../../src/builder/builder.ts";
import { JobContexts } from "../../src/builder/solver/job-contexts.ts";
import { createSources } from "../../src/builder/sources/create-sources.ts";
import { openSourceStores } from "../../src/builder/sources/open-stores.ts";
import { digestOf } from "../../src/formats/oci/digest.ts";
import { FAKE_REQUEST } from "../harness/fake-frontend.ts";
import { freePort } from "../harness/free-port.ts";
import { until } from "../harness/until.ts";
import { fakeSession } from "./fake-session.ts";
import { contextOf, isRoot } from "./world.ts";

const hasGit = existsSync("/usr/bin/git") && existsSync("/usr/lib/git-core/git-daemon");
if (!hasGit) console.log("(skip) test/builder-files: repositories need the git program");

const root = mkdtempSync(join(tmpdir(), "gantry-sources-"));
const directory = join(root, "builder");
mkdirSync(directory);
const stores = openSourceStores(directory);
const sources = createSources(stores);
const contexts = createContexts({ ...stores, directory, bootId: "this", logger: silentLogger });

const bring = async (op: SourceOp, more: Partial<OpContext> = {}) =>
  (await sources.source(op, { ...contextOf(), ...more })).source;
const failure = (promise: Promise<unknown>) => promise.then(() => "", messageOf);

// --- http --------------------------------------------------------------------------------------------------------------

const served = {
  etag: '"1"',
  body: "first",
  requests: [] as { path: string; condition: string | null; authorization: string | null; status: number }[],
};
const MODIFIED = "Mon, 02 Jan 2006 15:04:05 GMT";
const elsewhere = Bun.serve({
  port: 0,
  hostname: "127.0.0.1",
  fetch: (request) => new Response(request.headers.get("authorization") ?? "nobody"),
});
const server = Bun.serve({
  port: 0,
  hostname: "127.0.0.1",
  fetch(request) {
    const { pathname } = new URL(request.url);
    const condition = request.headers.get("if-none-match");
    const answer = respond(pathname, condition);
    served.requests.push({
      path: pathname,
      condition,
      authorization: request.headers.get("authorization"),
      status: answer.status,
    });
    return answer;
  },
});

function respond(path: string, condition: string | null): Response {
  switch (path) {
    case "/file":
      if (condition === served.etag) return new Response(null, { status: 304 });
      return new Response(served.body, { headers: { etag: served.etag, "last-modified": MODIFIED } });
    case "/plain":
      return new Response("plain");
    case "/elsewhere":
      return Response.redirect(`http://127.0.0.1:${elsewhere.port}/x`, 302);
    case "/metadata":
      return Response.redirect("http://169.254.169.254/latest/meta-data/", 302);
    case "/mapped":
      return Response.redirect("http://[::ffff:169.254.169.254]/", 302);
    case "/file-scheme":
      return new Response(null, { status: 302, headers: { location: "file:///etc/passwd" } });
    case "/Dockerfile":
      return new Response("FROM scratch\n");
    default:
      return new Response("no", { status: 404 });
  }
}

const url = (path: string) => `http://127.0.0.1:${server.port}${path}`;
const http = (path: string, more: Partial<Extract<SourceOp, { kind: "http" }>> = {}) =>
  ({ kind: "http", url: url(path), checksum: undefined, fileName: "name", ...more }) as const;

afterAll(async () => {
  await server.stop(true);
  await elsewhere.stop(true);
  await contexts.close();
  daemon?.kill("SIGKILL");
  await daemon?.exited;
  rmSync(root, { recursive: true, force: true });
});

test("a URL becomes a file of mode 0600 with the server's time, and is not sent again while it is unchanged", async () => {
  const first = await bring(http("/file"));
  const status = lstatSync(join(first.directory, "name"));
  expect([status.mode & 0o7777, status.mtime.toUTCString()]).toEqual([0o600, MODIFIED]);
  expect(readFileSync(join(first.directory, "name"), "utf8")).toBe("first");
  expect(first.entries).toMatchObject([
    { path: "name", type: "file", mode: 0o600, digest: digestOf("first"), sizeBytes: 5 },
  ]);
  expect(first.origin).toEqual({ uri: url("/file"), digest: digestOf("first") });
  const again = await bring(http("/file", { fileName: "other" }));
  expect(served.requests.slice(-1)).toMatchObject([{ condition: '"1"', status: 304 }]);
  expect(readFileSync(join(again.directory, "other"), "utf8")).toBe("first");
  Object.assign(served, { etag: '"2"', body: "second" });
  const changed = await bring(http("/file"));
  expect(changed.entries[0]?.digest).toBe(digestOf("second"));
  // Whoever had the old one still has it.
  expect(readFileSync(join(first.directory, "name"), "utf8")).toBe("first");
});

test("--checksum is verified, and what is here already is not asked for", async () => {
  const good = await bring(http("/plain", { checksum: digestOf("plain") }));
  expect(good.entries[0]?.modifiedNs).toBe(0n);
  const before = served.requests.length;
  await bring(http("/plain", { checksum: digestOf("plain") }));
  expect(served.requests.length).toBe(before);
  expect(await failure(bring(http("/plain", { checksum: digestOf("else") })))).toBe(
    `digest mismatch ${digestOf("plain")}: ${digestOf("else")}`,
  );
});

test("accounts are for the first server only", async () => {
  const session = fakeSession({});
  session.secrets[`HTTP_AUTH_TOKEN_127.0.0.1:${server.port}`] = "token";
  const { directory: at } = await bring(http("/elsewhere"), { session });
  expect(served.requests.at(-1)?.authorization).toBe("Bearer token");
  expect(readFileSync(join(at, "name"), "utf8")).toBe("nobody");
});

test.each([
  ["/metadata", "169.254.169.254 is a link-local address: refused"],
  ["/mapped", "is a link-local address: refused"],
  ["/file-scheme", "redirected to file:"],
  ["/none", "invalid response status 404"],
])("attack 43: a URL that leads to %s is refused", async (path, message) => {
  expect(await failure(bring(http(path)))).toContain(message);
});

test.each([["http://169.254.169.254/"], ["http://[fe80::1]/"]])("attack 43: %s is refused", async (address) => {
  expect(await failure(bring(http("", { url: address })))).toContain("is a link-local address: refused");
});

test.each([["file:///etc/passwd"], ["ftp://host/x"], ["nonsense"]])("%s is no URL for ADD", async (address) => {
  expect(await failure(bring(http("", { url: address })))).toBe(`invalid URL ${JSON.stringify(address)}`);
});

test.each([["../x"], ["a/b"], [".."], [""]])("a file cannot be called %p", async (fileName) => {
  expect(await failure(bring(http("/plain", { fileName })))).toBe(`invalid file name ${JSON.stringify(fileName)}`);
});

const OPTIONS = {
  session: undefined,
  vertex: "sha256:0",
  report: () => undefined,
  signal: new AbortController().signal,
};

test.skipIf(!isRoot)("a URL that gives text is a Dockerfile by itself", async () => {
  const context = await contexts.open({ kind: "http", url: url("/Dockerfile") }, OPTIONS);
  expect(Buffer.from(context.onlyDockerfile as Uint8Array).toString()).toBe("FROM scratch\n");
  await context.close();
});

test.skipIf(!isRoot)("heredocs are files of mode 0644", async () => {
  const { entries, directory: at } = await bring({
    kind: "inline",
    files: [
      { name: "EOF", content: "text" },
      { name: "../d/x", content: "" },
    ],
  });
  expect(entries.map(({ path, mode }) => `${path} ${mode.toString(8)}`)).toEqual(["EOF 644", "d 755", "d/x 644"]);
  expect(readFileSync(join(at, "EOF"), "utf8")).toBe("text");
});

// --- git ---------------------------------------------------------------------------------------------------------------

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

test.skipIf(!isRoot)(
  "files that are kept are listed, count while nobody shares them, and are fetched again once removed",
  async () => {
    const url = `http://127.0.0.1:${server.port}/file`;
    const op = { kind: "http", url: `${url}?token=abc`, checksum: undefined, fileName: "f" } as const;
    served.body = "a new one";
    served.etag = '"kept"';
    await bring(op, { buildId: "keeps" });
    const listed = () => stores.http.list().find(({ description }) => description.includes("?token="));
    expect(listed()).toMatchObject({ description: `http url ${url}?token=xxxxx`, sizeBytes: 0, inUse: false });
    await sources.release("keeps");
    expect(listed()?.sizeBytes).toBe("a new one".length);
    const before = served.requests.length;
    await bring(op);
    await stores.http.remove(listed()?.id ?? "");
    expect(listed()).toBeUndefined();
    await bring(op);
    expect(served.requests.slice(before).map(({ status }) => status)).toEqual([304, 200]);
    expect(await failure(stores.http.remove("none"))).toBe("No such build cache record: none");
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

test.skipIf(!isRoot)("what a build has brought goes with it", async () => {
  await sources.release("build");
  expect(readdirSync(join(directory, "scratch"))).toEqual([]);
});
