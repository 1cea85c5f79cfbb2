/**
 * Which folder of `src/` may import which. `types`: only with `import type`. A folder may always import itself.
 * A noun imports another noun only as listed: containers → images, volumes, networks; builder → containers, images, networks.
 */
export interface Floor {
  may: string[];
  types?: string[];
}

const BELOW_NOUNS = ["base", "formats", "kernel", "storage", "registry", "runtime"];
const NOUNS = ["images", "volumes", "networks", "containers", "builder"];

export const FLOORS: Record<string, Floor | "anything"> = {
  base: { may: [] },
  formats: { may: ["base"] },
  wire: { may: ["base"] },
  kernel: { may: ["base"] },
  storage: { may: ["base", "formats", "kernel"] },
  registry: { may: ["base", "formats", "storage"] },
  runtime: { may: ["base", "formats", "kernel"] },
  images: { may: BELOW_NOUNS },
  volumes: { may: BELOW_NOUNS },
  networks: { may: BELOW_NOUNS },
  containers: { may: [...BELOW_NOUNS, "images", "volumes", "networks"] },
  // A RUN has an endpoint of its own in a network, as a container has.
  builder: { may: [...BELOW_NOUNS, "containers", "images", "networks"] },
  // The event bus is the engine's; nouns publish to it through its type.
  engine: { may: [...BELOW_NOUNS, ...NOUNS] },
  // Names of images and options of builds are checked by the codecs that the engine uses.
  api: { may: ["base", "formats", "wire"], types: [...NOUNS, "engine", "runtime", "storage"] },
  client: { may: ["base", "wire"] },
  compose: { may: ["base", "formats", "client"] },
  cli: { may: ["base", "wire", "formats", "client", "compose"] },
  bin: "anything",
};

/** Folders whose nouns may name the engine's event type. */
export const MAY_NAME_EVENTS = { folders: NOUNS, file: "src/engine/event-bus.ts" };

/** `src/<folder>/…` → folder. */
export function folderOf(path: string): string {
  return path.split("/")[1] ?? "";
}

/** Why `from` may not import `to`, or undefined where it may. */
export function offence(from: string, to: string, typeOnly: boolean): string | undefined {
  const [own, other] = [folderOf(from), folderOf(to)];
  const floor = FLOORS[own];
  if (floor === undefined) return `${from}: src/${own}/ is not in the table of floors`;
  if (floor === "anything") return undefined;
  if (!to.startsWith("src/")) return `${from} → ${to}: leaves src/`;
  if (own === other || floor.may.includes(other)) return undefined;
  if (typeOnly && floor.types?.includes(other)) return undefined;
  if (typeOnly && to === MAY_NAME_EVENTS.file && MAY_NAME_EVENTS.folders.includes(own)) return undefined;
  const hint = floor.types?.includes(other) ? " (only with `import type`)" : "";
  return `${from} → ${to}: ${own}/ may import ${floor.may.join(", ") || "nothing"}${hint}`;
}
