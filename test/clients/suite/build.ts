import { describe, expect, test } from "bun:test";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { runProgram } from "../../harness/run-program.ts";
import { until } from "../../harness/until.ts";
import type { Context, Suite } from "./context.ts";

/** Which of its two protocols a docker command builds with. */
export type Protocol = "classic" | "buildkit";

/** `docker build` by one protocol. `env`: what makes the command choose it. */
export function buildSuite(protocol: Protocol, env: Record<string, string>): Suite {
  return (client) => {
    describe(`build by the ${protocol} protocol`, () => {
      const tools = { client, env, protocol };
      both(tools);
      if (protocol === "classic") classicOnly(tools);
      else buildkitOnly(tools);
    });
  };
}

interface Tools {
  client: Context;
  env: Record<string, string>;
  protocol: Protocol;
}

/** A directory with these files, gone at the end. */
class Files implements Disposable {
  readonly path: string;
  constructor(client: Context, files: Record<string, string>) {
    this.path = mkdtempSync(join(client.daemon.directory, "context-"));
    for (const [name, content] of Object.entries(files)) {
      mkdirSync(join(this.path, name, ".."), { recursive: true });
      writeFileSync(join(this.path, name), content);
    }
  }
  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true });
  }
}

function both({ client, env }: Tools): void {
  test("an image of every kind of step, which runs", async () => {
    using files = new Files(client, {
      Dockerfile: `ARG BASE=nothing
FROM $BASE AS build
ARG WORD
WORKDIR /job
COPY in/ .
RUN echo "$WORD $(cat a.txt)" > out.txt
FROM busybox
COPY --from=build /job/out.txt /out.txt
ENV KEEP=yes
LABEL from=file
CMD ["cat", "/out.txt"]
`,
      "in/a.txt": "content",
      "in/ignored.txt": "x",
      ".dockerignore": "**/ignored.txt\n",
    });
    const args = ["--build-arg", "BASE=busybox", "--build-arg", "WORD=some", "--label", "from=line"];
    await client.ok(["build", "-t", "made", "-t", "made:2", ...args, files.path], { env });
    expect(await client.ok(["run", "--rm", "made:2"])).toBe("some content");
    const format = "{{.Config.Labels.from}} {{index .Config.Env 1}}";
    expect(await client.ok(["image", "inspect", "-f", format, "made"])).toBe("line KEEP=yes");
    await client.ok(["rmi", "made", "made:2"]);
  });

  test("a second build is taken from the cache and is the same image", async () => {
    using files = new Files(client, { Dockerfile: "FROM busybox\nCOPY a /\nRUN date +%N > /b\n", a: "1" });
    const build = async () => (await client.ok(["build", "-q", files.path], { env })).trim();
    const [first, second] = [await build(), await build()];
    expect(first).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect(second).toBe(first);
    expect((await client.ok(["build", "-q", "--no-cache", files.path], { env })).trim()).not.toBe(first);
    writeFileSync(join(files.path, "a"), "2");
    expect(await build()).not.toBe(first);
  });

  test("--target, --network=none and another Dockerfile", async () => {
    using files = new Files(client, {
      "sub/Other": "FROM busybox AS one\nRUN ls /sys/class/net > /net\nFROM one AS two\nRUN false\n",
    });
    const args = ["-f", join(files.path, "sub/Other"), "--target", "one", "--network", "none", "-t", "one"];
    await client.ok(["build", ...args, files.path], { env });
    expect(await client.ok(["run", "--rm", "one", "cat", "/net"])).toBe("lo");
    await client.ok(["rmi", "one"]);
  });

  test("an archive on standard input is a context", async () => {
    using files = new Files(client, { Dockerfile: "FROM busybox\nCOPY a /a\n", a: "from stdin" });
    const tar = await runProgram(["tar", "-C", files.path, "-czf", join(files.path, "../context.tgz"), "."]);
    expect(tar.code).toBe(0);
    const input = readFileSync(join(files.path, "../context.tgz"));
    await client.ok(["build", "-t", "stdin", "-"], { env, input });
    expect(await client.ok(["run", "--rm", "stdin", "cat", "/a"])).toBe("from stdin");
    await client.ok(["rmi", "stdin"]);
    rmSync(join(files.path, "../context.tgz"));
  });

  test("a Dockerfile on standard input, with a context and without", async () => {
    using files = new Files(client, { a: "here" });
    await client.ok(["build", "-t", "df", "-f", "-", files.path], { env, input: "FROM busybox\nCOPY a /\n" });
    expect(await client.ok(["run", "--rm", "df", "cat", "/a"])).toBe("here");
    await client.ok(["build", "-t", "df", "-"], { env, input: "FROM busybox\nRUN echo alone > /b\n" });
    expect(await client.ok(["run", "--rm", "df", "cat", "/b"])).toBe("alone");
    await client.ok(["rmi", "df"]);
  });

  test("a step that fails ends the build with what it said, and leaves no image", async () => {
    using files = new Files(client, { Dockerfile: "FROM busybox\nRUN echo before; exit 7\n" });
    const before = await client.ok(["images", "-aq"]);
    const { code, stdout, stderr } = await client.run(["build", "-t", "broken", files.path], { env });
    expect(code).not.toBe(0);
    expect(stdout + stderr).toContain("before");
    expect(stdout + stderr).toMatch(/exit code: 7|non-zero code: 7/);
    expect(await client.ok(["images", "-aq"])).toBe(before);
  });

  test("a command that is killed takes its build along", async () => {
    const input = "FROM busybox\nRUN sleep 1000\n";
    const { code } = await client.run(["build", "--no-cache", "-"], { env, input, timeoutMs: 1500 });
    expect(code).toBe(137);
    const newest = () => client.daemon.call<{ Status: string; Error: string }[]>("GET", "/gantry/build/history");
    await until("the build is over", async () => (await newest())[0]?.Status === "canceled");
  });

  const wrong: [what: string, dockerfile: string, text: RegExp][] = [
    ["an unknown instruction", "FROM busybox\nNONSENSE x\n", /unknown instruction: NONSENSE/],
    ["a file that is not there", "FROM busybox\nCOPY missing /\n", /missing.*not found/],
    ["no Dockerfile at all", "", /the Dockerfile.* cannot be empty/],
  ];
  test.each(wrong)("%s is told in words that help", async (_, dockerfile, text) => {
    using files = new Files(client, { Dockerfile: dockerfile });
    const { code, stdout, stderr } = await client.run(["build", files.path], { env });
    expect(code).toBe(1);
    expect(stdout + stderr).toMatch(text);
  });
}

function classicOnly({ client, env }: Tools): void {
  test("says its steps as Docker does, and exits with the step's code", async () => {
    using files = new Files(client, { Dockerfile: "FROM busybox\nENV a=b\nRUN echo said\n" });
    const said = await client.ok(["build", "--no-cache", "-t", "steps", files.path], { env });
    const hex = "[0-9a-f]{12}";
    const pattern = [
      "Step 1/3 : FROM busybox",
      ` ---> ${hex}`,
      "Step 2/3 : ENV a=b",
      ` ---> ${hex}`,
      "Step 3/3 : RUN echo said",
      ` ---> Running in ${hex}`,
      "said",
      `Removing intermediate container ${hex}`,
      ` ---> ${hex}`,
      `Successfully built ${hex}`,
      "Successfully tagged steps:latest",
    ].join("\n");
    expect(said).toMatch(new RegExp(pattern));
    const id = /Successfully built (\w+)/.exec(said)?.[1] ?? "";
    expect(await client.ok(["image", "inspect", "-f", "{{.Id}}", "steps"])).toStartWith(`sha256:${id}`);
    await client.ok(["rmi", "steps"]);
    const { code } = await client.run(["build", "-"], { env, input: "FROM busybox\nRUN exit 5\n" });
    expect(code).toBe(5);
  });
}

function buildkitOnly({ client, env }: Tools): void {
  const plain = ["--progress", "plain"];

  test("a secret is there for its step, and nowhere else", async () => {
    using files = new Files(client, {
      Dockerfile: "FROM busybox\nRUN --mount=type=secret,id=word cat /run/secrets/word | rev > /word\n",
      secret: "s3cr3t-w0rd",
    });
    const args = ["--secret", `id=word,src=${join(files.path, "secret")}`, "-t", "secret"];
    const { code, stdout, stderr } = await client.run(["build", ...plain, ...args, files.path], { env });
    expect([code, (stdout + stderr).includes("s3cr3t")]).toEqual([0, false]);
    expect(await client.ok(["run", "--rm", "secret", "cat", "/word"])).toBe("dr0w-t3rc3s");
    expect((await client.run(["run", "--rm", "secret", "ls", "/run/secrets/word"])).code).not.toBe(0);
    expect(await client.ok(["history", "--no-trunc", "secret"])).not.toContain("s3cr3t");
    await client.ok(["rmi", "secret"]);
  });

  test("a secret that the client does not have is missing where it is required", async () => {
    const input = "FROM busybox\nRUN --mount=type=secret,id=none,required cat /run/secrets/none\n";
    const { code, stdout, stderr } = await client.run(["build", ...plain, "-"], { env, input });
    expect(code).toBe(1);
    expect(stdout + stderr).toMatch(/secret none.*not found|none: not found/);
  });

  test.skipIf(!existsSync("/usr/bin/ssh-agent"))(
    "a real ssh agent can be asked in a step (needs ssh-agent)",
    async () => {
      using files = new Files(client, {
        Dockerfile: "FROM busybox\nCOPY probe /\nRUN --mount=type=ssh /probe > /keys\nRUN ! /probe\n",
      });
      const probe = await runProgram([
        "gcc",
        "-static",
        "-o",
        join(files.path, "probe"),
        join(import.meta.dir, "agent-probe.c"),
      ]);
      expect(probe.stderr).toBe("");
      const socket = join(files.path, "agent.sock");
      const agent = Bun.spawn(["ssh-agent", "-D", "-a", socket], { stdout: "ignore", stderr: "ignore" });
      try {
        const key = join(files.path, "key");
        const made = await runProgram(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key, "-C", "build-key"]);
        const added = await runProgram(["ssh-add", key], { env: { SSH_AUTH_SOCK: socket } });
        expect([made.code, added.code]).toEqual([0, 0]);
        await client.ok(["build", ...plain, "--no-cache", "--ssh", `default=${socket}`, "-t", "ssh", files.path], {
          env,
        });
        const answer = await client.ok(["run", "--rm", "ssh", "cat", "/keys"]);
        expect(answer).toContain("build-key");
        await client.ok(["rmi", "ssh"]);
      } finally {
        agent.kill();
        await agent.exited;
      }
    },
  );

  test("a local output is a directory with the image's files", async () => {
    using files = new Files(client, {
      Dockerfile:
        "FROM busybox AS b\nRUN mkdir /o && echo hi > /o/f && ln -s f /o/l && chmod 4755 /o/f\nFROM scratch\nCOPY --from=b /o /d\n",
    });
    const out = join(files.path, "out");
    await client.ok(["build", ...plain, "-o", out, files.path], { env });
    expect(readFileSync(join(out, "d/f"), "utf8")).toBe("hi\n");
    expect(readlinkSync(join(out, "d/l"))).toBe("f");
    expect(lstatSync(join(out, "d/f")).mode & 0o7777).toBe(0o4755);
  });

  test("a tar output is an archive of them", async () => {
    using files = new Files(client, { Dockerfile: "FROM scratch\nCOPY a /d/a\n", a: "in tar" });
    const archive = join(files.path, "out.tar");
    await client.ok(["build", ...plain, "-o", `type=tar,dest=${archive}`, files.path], { env });
    expect((await runProgram(["tar", "-xOf", archive, "d/a"])).stdout).toBe("in tar");
  });

  test("a change of one file in a large directory costs that file", async () => {
    const many = Object.fromEntries(Array.from({ length: 500 }, (_, index) => [`d/${index}`, `${index}`]));
    using files = new Files(client, { Dockerfile: "FROM busybox\nCOPY . /all\nRUN ls /all/d | wc -l > /n\n", ...many });
    await client.ok(["build", ...plain, "-t", "many", files.path], { env });
    writeFileSync(join(files.path, "d/7"), "changed");
    const { stderr, stdout } = await client.run(["build", ...plain, "-t", "many", files.path], { env });
    expect(stdout + stderr).toMatch(/transferring context: \d+(\.\d+)?k?B/);
    expect(await client.ok(["run", "--rm", "many", "sh", "-c", "cat /n /all/d/7"])).toBe("500\nchanged");
    await client.ok(["rmi", "many"]);
  });
}
