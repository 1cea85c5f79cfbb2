import { readdirSync } from "node:fs";
import { join } from "node:path";
import type { Stray } from "../../storage/stray.ts";
import type { CheckDeps } from "./check-store.ts";

/** Files and directories that belong to nothing, in every part of the data root. */
export async function findStrays(deps: CheckDeps): Promise<Stray[]> {
  const { dataRoot, content, snapshots, volumes, containers } = deps;
  const audit = await snapshots.audit();
  const named = (await volumes.list({})).volumes.map(({ name }) => name);
  const known = (await containers.list({ all: true, limit: 0, size: false, filters: {} })).map(({ id }) => id);
  return [
    ...content.audit(),
    ...audit.strays,
    ...unknownNames(join(dataRoot, "volumes"), new Set(named), "is the directory of no volume"),
    ...unknownNames(join(dataRoot, "containers"), new Set(known), "is the directory of no container"),
  ];
}

function unknownNames(directory: string, known: Set<string>, fault: string): Stray[] {
  return readdirSync(directory)
    .filter((name) => !known.has(name))
    .map((name) => ({ path: join(directory, name), fault }));
}
