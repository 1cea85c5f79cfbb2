import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runProgram } from "../test/harness/run-program.ts";
import type { Peer } from "./peer.ts";

/** Why it cannot be measured here, or undefined. */
export function whyNoBuildah(): string | undefined {
  return existsSync("/usr/bin/buildah") ? undefined : "buildah is not installed";
}

/** A builder without a daemon, on storage of its own. It is only asked to build. */
export async function startBuildah(): Promise<Peer> {
  const directory = mkdtempSync(join(tmpdir(), "gantry-bench-buildah-"));
  const paths = [
    "--root",
    join(directory, "storage"),
    "--runroot",
    join(directory, "run"),
    "--storage-driver",
    "overlay",
  ];
  mkdirSync(join(directory, "home"));
  writeFileSync(join(directory, "policy.json"), '{"default":[{"type":"insecureAcceptAnything"}]}');
  const { stdout } = await runProgram(["buildah", "--version"]);
  return {
    name: "buildah",
    version: /version (\S+)/.exec(stdout)?.[1] ?? "",
    cli: ["buildah", ...paths],
    socket: "",
    env: { HOME: join(directory, "home"), BUILDAH_LAYERS: "true", _CONTAINERS_USERNS_CONFIGURED: "" },
    daemonPids: () => [],
    supervisorPids: () => [],
    async stop() {
      await runProgram(["buildah", ...paths, "umount", "--all"]);
      await runProgram(["buildah", ...paths, "rm", "--all"]);
      // What a step that failed has left mounted, and the storage itself.
      await runProgram(["umount", "--recursive", join(directory, "storage/overlay")]);
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
