import type { Instruction, Location, Stage } from "../../formats/dockerfile/instructions.ts";
import type { Platform } from "../../formats/oci/platform.ts";
import type { ResolvedImage } from "./plan.ts";

/** A stage of the file, or an image or context that an instruction names as its source. */
export interface StageNode {
  /** undefined: not a stage of the file. */
  stage: Stage | undefined;
  /** The FROM, or the instruction that names it. */
  location: Location;
  /** Lower case; "": none. */
  name: string;
  /** As progress and errors show it: its name, or `stage-1`. */
  label: string;
  /** What FROM says, its variables replaced. */
  baseName: string;
  /** `--platform`. */
  platform: Platform | undefined;
  /** The earlier stage that it continues. */
  base: StageNode | undefined;
  /** Name of the request's context that stands in for the stage itself: none of its instructions counts. */
  replacedBy: string | undefined;
  commands: Command[];
  /** Stages that its instructions take something from, and the first instruction that does. */
  dependencies: Map<StageNode, Location>;
  /** What it stands on, once that is known; undefined for a stage that continues another one. */
  root: Root | undefined;
  /** The triggers of what it stands on have been put in front of its instructions. */
  triggered: boolean;
}

export type Root =
  | { kind: "scratch" }
  /** `context`: the name of the context that led to the image. */
  | { kind: "image"; image: ResolvedImage; platform: Platform; context: string | undefined }
  | { kind: "context"; name: string };

/** One instruction of a stage, or a trigger of the image that it stands on. */
export interface Command {
  instruction: Instruction;
  /** `--from` of a COPY, or of the mounts of a RUN in their order; undefined: the build context, or nothing. */
  sources: (StageNode | undefined)[];
  isTrigger: boolean;
}
