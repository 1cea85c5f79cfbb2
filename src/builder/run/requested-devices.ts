import { EngineError, invalid } from "../../base/errors.ts";
import type { MountInput, ResourcesSpec } from "../../runtime/plan/plan-input.ts";

/** What devices bring into a container. */
export interface DeviceEdits {
  environment: string[];
  devices: ResourcesSpec["devices"];
  mounts: MountInput[];
}

interface ContainerEdits {
  env?: string[];
  deviceNodes?: { path: string; hostPath?: string; permissions?: string }[];
  mounts?: { hostPath: string; containerPath: string; options?: string[] }[];
  hooks?: unknown[];
}

interface DeviceSpec {
  kind: string;
  devices: { name: string; containerEdits?: ContainerEdits }[];
  containerEdits?: ContainerEdits;
}

/**
 * `--device=name[,required]`, where `name` is `vendor/class=device`, `vendor/class=*` or `vendor/class` for the first of them, by the
 * host's device specifications (`texts`, JSON or YAML). A device that is not there is left out unless it is required. Throws
 * invalid-argument for what is malformed, and for devices that need programs of the host to be run (hooks).
 * @see Container Device Interface, SPEC.md
 */
export function requestedDevices(flags: string[], texts: () => string[]): DeviceEdits {
  const edits: DeviceEdits = { environment: [], devices: [], mounts: [] };
  if (flags.length === 0) return edits;
  const specs = texts().flatMap(parseSpec);
  for (const flag of flags) {
    const { name, isRequired } = parseFlag(flag);
    const found = select(specs, name);
    if (found.length === 0 && isRequired) throw invalid(`required device ${JSON.stringify(name)} is not available`);
    for (const one of new Set(found)) apply(edits, one, name);
  }
  return edits;
}

function parseFlag(flag: string): { name: string; isRequired: boolean } {
  const [first = "", ...options] = flag.split(",");
  let isRequired = false;
  for (const option of options) {
    const [key = "", value = "true"] = option.split(/=(.*)/s);
    if (key !== "required" || !["true", "false", "1", "0"].includes(value)) {
      throw invalid(`invalid device ${JSON.stringify(flag)}: unexpected ${JSON.stringify(option)}`);
    }
    isRequired = value === "true" || value === "1";
  }
  const name = first.startsWith("name=") ? first.slice("name=".length) : first;
  if (name === "") throw invalid(`invalid device ${JSON.stringify(flag)}: it has no name`);
  return { name, isRequired };
}

/** The devices' own edits, after those that every device of their kind brings. */
function select(specs: DeviceSpec[], name: string): ContainerEdits[] {
  const [kind = "", device] = name.split(/=(.*)/s);
  const found = specs
    .filter((spec) => spec.kind === kind)
    .flatMap((spec) =>
      spec.devices
        .filter((candidate) => device === undefined || device === "*" || candidate.name === device)
        .map((candidate) => [spec.containerEdits ?? {}, candidate.containerEdits ?? {}]),
    );
  return (device === undefined ? found.slice(0, 1) : found).flat();
}

function apply(edits: DeviceEdits, from: ContainerEdits, name: string): void {
  if ((from.hooks ?? []).length > 0) {
    throw new EngineError(
      "not-implemented",
      `device ${JSON.stringify(name)} needs hooks, which are not run for builds`,
    );
  }
  edits.environment.push(...(from.env ?? []));
  for (const { path, hostPath, permissions } of from.deviceNodes ?? []) {
    edits.devices.push({ pathOnHost: hostPath ?? path, pathInContainer: path, permissions: permissions ?? "rwm" });
  }
  for (const { hostPath, containerPath, options = [] } of from.mounts ?? []) {
    edits.mounts.push({
      kind: "bind",
      source: hostPath,
      destination: containerPath,
      recursive: options.includes("rbind"),
      attributes: {
        readOnly: options.includes("ro"),
        noSuid: options.includes("nosuid"),
        noDev: options.includes("nodev"),
        noExec: options.includes("noexec"),
      },
      propagation: "rprivate",
    });
  }
}

/** None: the text is no specification; another program's mistake must not end every build. */
function parseSpec(text: string): DeviceSpec[] {
  try {
    const spec = Bun.YAML.parse(text) as Partial<DeviceSpec> | null;
    if (typeof spec?.kind !== "string" || !Array.isArray(spec.devices)) return [];
    return [spec as DeviceSpec];
  } catch {
    return [];
  }
}
