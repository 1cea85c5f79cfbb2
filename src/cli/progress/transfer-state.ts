import type { LayerSizes, WireProgress } from "../../wire/progress.ts";

/** A layer on its way, or whatever else has an ID in a progress stream. */
export interface Part {
  id: string;
  /** Docker's words: `Downloading`, `Pull complete`. */
  status: string;
  stage: "waiting" | "active" | "done";
  /** Of what `status` counts; undefined where it counts nothing. */
  count?: { currentBytes: number; totalBytes?: number };
  /** Over the wire so far. */
  movedBytes: number;
  /** Of the whole layer as it goes over the wire; undefined until it is known. */
  sizeBytes?: number;
}

/** The layers of one image, in the order in which they were first told of. */
export interface Group {
  title: string;
  parts: Map<string, Part>;
}

/** Layers of one stream; a hostile daemon must not fill our memory. */
const MAX_PARTS = 4096;

const DONE = /^(Pull complete|Pushed)/;
/** Done without a byte over the wire. */
const SPARED = /^(Already exists|Layer already exists|Mounted from )/;
const WAITING = /^(Waiting|Pulling fs layer|Preparing)/;
/** What moves bytes between the daemon and somebody else; unpacking does not. */
const MOVING = /^(Downloading|Pushing|Loading)/;

/** Takes a line into the group. False: the line is about no layer, and is a text of its own. */
export function applyLine(group: Group, line: WireProgress): boolean {
  if (line.aux !== undefined && line.status === undefined) {
    for (const [id, size] of Object.entries(sizesOf(line.aux))) partOf(group, id, "Waiting").sizeBytes = size;
    return true;
  }
  const { id, status, progressDetail } = line;
  if (id === undefined || status === undefined || progressDetail === undefined) return false;
  const part = partOf(group, id, status);
  const { current, total } = progressDetail;
  const moving = MOVING.test(status);
  if (moving && total !== undefined) part.sizeBytes = total;
  if (moving && current !== undefined) part.movedBytes = current;
  part.status = status;
  const whole = moving && total !== undefined && current !== undefined && current >= total;
  const spared = SPARED.test(status);
  // "Loading layer" has no line of its own for the end.
  part.stage = spared || DONE.test(status) || (whole && status.startsWith("Loading")) ? "done" : stageOf(status);
  if (current === undefined) delete part.count;
  else part.count = { currentBytes: current, ...(total === undefined ? {} : { totalBytes: total }) };
  if (spared) {
    delete part.sizeBytes;
    part.movedBytes = 0;
  }
  if (!moving && !WAITING.test(status) && part.sizeBytes !== undefined) part.movedBytes = part.sizeBytes;
  return true;
}

function stageOf(status: string): "waiting" | "active" {
  return WAITING.test(status) ? "waiting" : "active";
}

function partOf({ parts }: Group, id: string, status: string): Part {
  const known = parts.get(id);
  if (known !== undefined) return known;
  const part: Part = { id, status, stage: "waiting", movedBytes: 0 };
  if (parts.size < MAX_PARTS) parts.set(id, part);
  return part;
}

function sizesOf(aux: unknown): Record<string, number> {
  const sizes = (aux as Partial<LayerSizes> | null)?.layerSizes;
  return typeof sizes === "object" && sizes !== null ? sizes : {};
}
