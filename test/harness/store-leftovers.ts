import { readdirSync } from "node:fs";
import { join } from "node:path";

/** Files of a store that are no blob, layer or record: half of something. `<path>: <bytes>` is not told, only that it is there. */
export function storeLeftovers(dataRoot: string): string[] {
  const below = (folder: string) => readdirSync(join(dataRoot, folder)).map((name) => `${folder}/${name}`);
  return [
    ...below("content/ingest"),
    ...below("content/trash"),
    ...below("snapshots/trash"),
    ...below("snapshots").filter((path) => path.startsWith("snapshots/staged")),
  ];
}
