import type { WireOutput } from "../../wire/build-messages.ts";
import type { Parsed } from "../flags/flag-set.ts";
import { fullName } from "../image/full-name.ts";
import { type OutputSpec, parseAnnotation, parseOutput } from "./parse-specs.ts";

/** An output as the daemon is told, and where we put it. `destination` "": in the engine. */
export interface PlannedOutput {
  wire: WireOutput;
  destination: string;
}

/** What `--output`, `--push`, `--load`, `--tag` and `--annotation` ask for together. Throws in buildx's words. Pure. */
export function planOutputs(flags: Pick<Parsed, "list" | "bool">): PlannedOutput[] {
  const tags = flags.list("tag").map(checkedTag);
  const specs = flags.list("output").map((text) => parsed("output", text, parseOutput));
  if (flags.bool("push")) pushAll(specs);
  const wantsImage = flags.bool("load") && !specs.some(({ type }) => type === "image");
  if (specs.length === 0 || wantsImage) specs.push(imageSpec(false));
  const annotations = Object.fromEntries(
    flags.list("annotation").map((text) => parsed("annotation", text, parseAnnotation)),
  );
  return specs.map((spec, index) => planOne(spec, { id: String(index), tags, annotations }));
}

function pushAll(specs: OutputSpec[]): void {
  const images = specs.filter(({ type }) => type === "image");
  for (const spec of images) spec.push = true;
  if (images.length === 0) specs.push(imageSpec(true));
}

function imageSpec(push: boolean): OutputSpec {
  return { type: "image", destination: "", push, names: undefined, attributes: {} };
}

function planOne(
  spec: OutputSpec,
  { id, tags, annotations }: { id: string; tags: string[]; annotations: Record<string, string> },
): PlannedOutput {
  const names = spec.names?.map(checkedTag) ?? tags;
  if (spec.push && names.length === 0) throw new Error("tag is needed when pushing to registry");
  const attributes =
    spec.type === "local" || spec.type === "tar" ? spec.attributes : { ...annotations, ...spec.attributes };
  const wire = { Type: spec.type, Id: id, Names: names, Push: spec.push, Attributes: attributes };
  return { wire, destination: spec.destination };
}

function checkedTag(text: string): string {
  try {
    return fullName(text, false);
  } catch (error) {
    throw new Error(`invalid tag ${JSON.stringify(text)}: ${(error as Error).message}`);
  }
}

/** Names the flag in what `parse` throws. */
export function parsed<T>(flag: string, text: string, parse: (text: string) => T): T {
  try {
    return parse(text);
  } catch (error) {
    throw new Error(`invalid argument ${JSON.stringify(text)} for "--${flag}": ${(error as Error).message}`);
  }
}
