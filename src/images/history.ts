import type { HistoryEntry } from "./images.ts";
import type { Entry } from "./library.ts";

/** Newest first; only the last line knows the image, as with Docker. Pure. */
export function imageHistory({ document, layerBytes, view }: Entry): HistoryEntry[] {
  const { config } = document;
  let layer = 0;
  const lines = config.history.map((line) => ({
    id: "<missing>",
    createdAt: line.createdAt ?? config.createdAt ?? new Date(0),
    createdBy: line.createdBy,
    tags: [] as string[],
    sizeBytes: line.emptyLayer ? 0 : (layerBytes[layer++] ?? 0),
    comment: line.comment,
  }));
  // A config without (all of) its history still has layers to show.
  for (; layer < layerBytes.length; layer++) {
    lines.push({
      id: "<missing>",
      createdAt: config.createdAt ?? new Date(0),
      createdBy: "",
      tags: [],
      sizeBytes: layerBytes[layer] ?? 0,
      comment: "",
    });
  }
  lines.reverse();
  const [newest] = lines;
  if (newest !== undefined) Object.assign(newest, { id: view.id, tags: view.repoTags });
  return lines;
}
