import { Platform, WorkerRecord } from "../../../wire/buildkit/control.ts";

/** Go's names of the machines that this engine runs on. */
const ARCHITECTURES: Record<string, string> = { x64: "amd64", arm64: "arm64" };

/**
 * The one worker. The snapshotter's label makes buildx use what only BuildKit's own workers can: several platforms, OCI archives,
 * exported caches, pushes without a detour. @see buildx driver/docker/driver.go Features
 */
export function workerRecords() {
  const architecture = ARCHITECTURES[process.arch] ?? process.arch;
  return [
    WorkerRecord.create({
      id: "gantry",
      labels: new Map([
        ["org.mobyproject.buildkit.worker.executor", "gantry"],
        ["org.mobyproject.buildkit.worker.snapshotter", "overlayfs"],
      ]),
      platforms: [Platform.create({ architecture, os: "linux" })],
    }),
  ];
}
