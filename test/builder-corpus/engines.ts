import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { busyboxImage } from "../fixtures/busybox-image.ts";
import type { TestDaemon } from "../harness/daemon.ts";
import type { Dockerd } from "../harness/dockerd.ts";
import { type ProgramResult, runProgram } from "../harness/run-program.ts";
import type { BuildCase, PeerName } from "./build-case.ts";

const TIMEOUT_MS = 120_000;

/** Somebody who builds, by his own command. */
export interface BuildEngine {
  name: PeerName | "gantry";
  /** `context`: a directory that has the case's files. Returns what the command said. */
  build(wanted: BuildCase, context: string, tag: string): Promise<ProgramResult>;
  /** The image as a docker archive, named `tag`. */
  save(tag: string): Promise<Uint8Array>;
  close(): Promise<void>;
}

/** Flags with paths made absolute. */
function flagsOf({ flags = [] }: BuildCase, context: string): string[] {
  return flags.map((flag, at) => (flags[at - 1] === "-f" ? join(context, flag) : flag));
}

export function gantryEngine(daemon: TestDaemon): BuildEngine {
  return {
    name: "gantry",
    build: (wanted, context, tag) =>
      daemon.gantry(["build", ...flagsOf(wanted, context), "-t", tag, context], { timeoutMs: TIMEOUT_MS }),
    save: async (tag) => {
      const response = await daemon.request(`/images/${encodeURIComponent(tag)}/get`);
      if (!response.ok) throw new Error(await response.text());
      return new Uint8Array(await response.arrayBuffer());
    },
    close: async () => undefined,
  };
}

export function dockerEngine(dockerd: Dockerd, name: "classic" | "buildkit"): BuildEngine {
  const env = { DOCKER_BUILDKIT: name === "buildkit" ? "1" : "0" };
  return {
    name,
    build: (wanted, context, tag) =>
      dockerd.docker(["build", ...flagsOf(wanted, context), "-t", tag, context], { env, timeoutMs: TIMEOUT_MS }),
    save: async (tag) => {
      const response = await fetch(`http://localhost/images/${tag}/get`, { unix: dockerd.socket });
      return new Uint8Array(await response.arrayBuffer());
    },
    close: async () => undefined,
  };
}

/** Why it is not there, or undefined. */
export function whyNoBuildah(): string | undefined {
  return existsSync("/usr/bin/buildah") && existsSync("/usr/sbin/runc")
    ? undefined
    : "buildah and runc are not installed";
}

/** On storage of its own. */
export async function buildahEngine(): Promise<BuildEngine> {
  const directory = mkdtempSync(join(tmpdir(), "gantry-buildah-"));
  const cli = [
    "buildah",
    "--root",
    join(directory, "storage"),
    "--runroot",
    join(directory, "run"),
    "--storage-driver",
    "vfs",
  ];
  writeFileSync(join(directory, "policy.json"), '{"default":[{"type":"insecureAcceptAnything"}]}');
  const buildah = (args: string[]) =>
    runProgram([...cli, ...args], { env: { HOME: directory }, timeoutMs: TIMEOUT_MS });
  const must = async (args: string[]) => {
    const result = await buildah(args);
    if (result.code !== 0) throw new Error(`buildah ${args.join(" ")}: ${result.stderr}`);
  };
  const policy = ["--signature-policy", join(directory, "policy.json")];
  await must(["pull", "-q", ...policy, `docker-archive:${await busyboxImage()}`]);
  return {
    name: "buildah",
    build: (wanted, context, tag) =>
      buildah([
        "bud",
        "--isolation",
        "oci",
        "--runtime",
        "/usr/sbin/runc",
        "--format",
        "docker",
        "--identity-label=false",
        "--layers",
        ...policy,
        ...flagsOf(wanted, context),
        "-t",
        tag,
        context,
      ]),
    async save(tag) {
      const path = join(directory, "saved.tar");
      await must(["push", "-q", ...policy, `localhost/${tag}`, `docker-archive:${path}:${tag}`]);
      const archive = readFileSync(path);
      rmSync(path);
      return archive;
    },
    async close() {
      await buildah(["rm", "--all"]);
      await runProgram(["umount", "--recursive", join(directory, "storage")]);
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
