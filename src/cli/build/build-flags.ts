import { parseUlimit } from "../container/parse-devices.ts";
import { checkExtraHost } from "../container/parse-network.ts";
import type { Flag } from "../flags/flag-set.ts";
import { BOOL, BYTES, INT, LIST, listOf, STRING, SWAP_BYTES } from "../flags/flag-types.ts";
import { PROGRESS_MODES } from "./display/progress-mode.ts";

/** What says where things come from and go to. */
const MAIN: Flag[] = [
  {
    name: "file",
    short: "f",
    type: STRING,
    usage: 'Name of the Dockerfile (default: "PATH/Dockerfile"); "-" reads it from standard input',
  },
  { name: "tag", short: "t", type: LIST, usage: 'Image identifier (format: "[registry/]repository[:tag]")' },
  { name: "target", type: STRING, usage: "Set the target build stage to build" },
  {
    name: "output",
    short: "o",
    type: LIST,
    usage: 'Output destination (format: "type=local,dest=path"; "-" is a tar archive on standard output)',
  },
  { name: "push", type: BOOL, usage: 'Shorthand for "--output=type=registry"' },
  { name: "load", type: BOOL, usage: 'Shorthand for "--output=type=docker"; images are always loaded here' },
  {
    name: "build-arg",
    type: LIST,
    usage: "Set build-time variables; a name alone takes its value from the environment",
  },
  { name: "build-context", type: LIST, usage: "Additional build contexts (e.g., name=path)" },
  { name: "label", type: LIST, usage: "Set metadata for an image" },
  { name: "annotation", type: LIST, usage: "Add annotation to the image" },
  { name: "platform", type: LIST, usage: "Set target platform for build" },
  { name: "secret", type: LIST, usage: 'Secret to expose to the build (format: "id=mysecret[,src=/local/secret]")' },
  {
    name: "ssh",
    type: LIST,
    usage: 'SSH agent socket or keys to expose to the build (format: "default|<id>[=<socket>|<key>[,<key>]]")',
  },
  { name: "iidfile", type: STRING, usage: "Write the image ID to a file" },
  { name: "metadata-file", type: STRING, usage: "Write build result metadata to a file" },
  { name: "quiet", short: "q", type: BOOL, usage: "Suppress the build output and print image ID on success" },
  {
    name: "progress",
    type: { label: "string", repeated: false, check: checkProgress },
    usage:
      'Set type of progress output ("auto", "none", "plain", "quiet", "rawjson", "tty"). Use plain to show container output',
    default: "auto",
  },
  { name: "graph", type: STRING, usage: "Draw what was built, and how long it took, into an SVG file" },
  { name: "debug", short: "D", type: BOOL, usage: "Enable debug logging: warnings are shown whole" },
  {
    name: "call",
    type: STRING,
    usage: 'Set method for evaluating build ("build", "check", "outline", "targets")',
    default: "build",
  },
  { name: "check", type: BOOL, usage: 'Shorthand for "--call=check"' },
];

const CACHE: Flag[] = [
  { name: "no-cache", type: BOOL, usage: "Do not use cache when building the image" },
  { name: "no-cache-filter", type: LIST, usage: "Do not cache specified stages" },
  { name: "pull", type: BOOL, usage: "Always attempt to pull all referenced images" },
  {
    name: "cache-from",
    type: LIST,
    usage: 'External cache sources (e.g., "user/app:cache", "type=local,src=path/to/dir")',
  },
  {
    name: "cache-to",
    type: LIST,
    usage: 'Cache export destinations (e.g., "user/app:cache", "type=local,dest=path/to/dir")',
  },
  { name: "attest", type: LIST, usage: 'Attestation parameters (format: "type=sbom,generator=image")' },
  { name: "provenance", type: STRING, usage: 'Shorthand for "--attest=type=provenance"' },
  { name: "sbom", type: STRING, usage: 'Shorthand for "--attest=type=sbom"' },
  {
    name: "timestamp",
    type: INT,
    usage: "Set every time in the image to seconds since the epoch (default: SOURCE_DATE_EPOCH of the environment)",
  },
  { name: "squash", type: BOOL, usage: "Squash newly built layers into a single new layer" },
];

/** What RUN gets. */
const EXECUTION: Flag[] = [
  {
    name: "network",
    type: STRING,
    usage: 'Set the networking mode for the "RUN" instructions during build',
    default: "default",
  },
  {
    name: "add-host",
    type: listOf("list", checkExtraHost),
    usage: 'Add a custom host-to-IP mapping (format: "host:ip")',
  },
  {
    name: "allow",
    type: LIST,
    usage: 'Allow extra privileged entitlement (e.g., "network.host", "security.insecure")',
  },
  { name: "shm-size", type: BYTES, usage: "Shared memory size for build containers" },
  { name: "ulimit", type: listOf("ulimit", (text) => void parseUlimit(text)), usage: "Ulimit options" },
  { name: "cgroup-parent", type: STRING, usage: 'Set the parent cgroup for the "RUN" instructions during build' },
  {
    name: "resource",
    type: LIST,
    usage: 'Resource limits for build containers (format: "memory=2g", "cpu-quota=50000")',
  },
  { name: "memory", short: "m", type: BYTES, usage: "Memory limit" },
  { name: "memory-swap", type: SWAP_BYTES, usage: "Swap limit equal to memory plus swap: -1 to enable unlimited swap" },
  { name: "cpu-shares", short: "c", type: INT, usage: "CPU shares (relative weight)" },
  { name: "cpu-period", type: INT, usage: "Limit the CPU CFS (Completely Fair Scheduler) period" },
  { name: "cpu-quota", type: INT, usage: "Limit the CPU CFS (Completely Fair Scheduler) quota" },
  { name: "cpuset-cpus", type: STRING, usage: "CPUs in which to allow execution (0-3, 0,1)" },
  { name: "cpuset-mems", type: STRING, usage: "MEMs in which to allow execution (0-3, 0,1)" },
];

/** Taken as Docker's own clients take them, without an effect here: for scripts. */
const IGNORED: Flag[] = [
  { name: "builder", type: STRING, usage: "Override the configured builder instance", hidden: true },
  {
    name: "rm",
    type: BOOL,
    usage: "Remove intermediate containers after a successful build",
    default: "true",
    hidden: true,
  },
  { name: "force-rm", type: BOOL, usage: "Always remove intermediate containers", hidden: true },
  { name: "compress", type: BOOL, usage: "Compress the build context using gzip", hidden: true },
  { name: "isolation", type: STRING, usage: "Container isolation technology", hidden: true },
  { name: "security-opt", type: LIST, usage: "Security options", hidden: true },
];

export const BUILD_FLAGS: Flag[] = [...MAIN, ...CACHE, ...EXECUTION, ...IGNORED];

function checkProgress(text: string): void {
  if (!PROGRESS_MODES.includes(text)) throw new Error(`must be one of ${PROGRESS_MODES.join(", ")}`);
}
