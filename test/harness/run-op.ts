import type { RunOp } from "../../src/builder/graph.ts";

/** A RUN of which only `changes` matter. */
export function runOp(changes: Partial<RunOp>): RunOp {
  return {
    kind: "run",
    argv: ["true"],
    environment: ["PATH=/usr/bin:/bin"],
    uncachedNames: [],
    workingDirectory: "/",
    user: "",
    network: "default",
    security: "sandbox",
    devices: [],
    mounts: [],
    hostname: "",
    extraHosts: [],
    shmSizeBytes: undefined,
    ulimits: [],
    cgroupParent: "",
    resources: {},
    epochSeconds: undefined,
    platform: { os: "linux", architecture: process.arch === "arm64" ? "arm64" : "amd64" },
    ...changes,
  };
}
