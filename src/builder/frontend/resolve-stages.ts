import { EngineError, invalid, messageOf } from "../../base/errors.ts";
import { DockerfileError } from "../../formats/dockerfile/dockerfile-error.ts";
import type { Instruction } from "../../formats/dockerfile/instructions.ts";
import { parseInstruction } from "../../formats/dockerfile/parse.ts";
import { formatPlatform, type Platform } from "../../formats/oci/platform.ts";
import { canonicalReference, parseTagged } from "../../formats/reference/reference.ts";
import type { ContextSource } from "../builder.ts";
import { blame, blaming } from "./dockerfile-problem.ts";
import { imageOf } from "./image-state.ts";
import type { NamedContexts } from "./named-contexts.ts";
import type { FrontendDeps, ResolvedImage } from "./plan.ts";
import type { Root, StageNode } from "./stage-node.ts";
import { addCommands, reachableFrom, type StageTable } from "./stage-table.ts";

/** Each image is asked for once, however many stages and platforms name it. */
export interface ImageLookup {
  image(reference: string, platform: Platform): Promise<ResolvedImage>;
  /** Of a named context that is a result or a layout. */
  context(name: string, platform: Platform): Promise<ResolvedImage>;
}

export interface RootsOptions {
  images: ImageLookup;
  contexts: NamedContexts;
  /** The request's, by name. */
  sources: Record<string, ContextSource>;
  target: Platform;
}

export function createImageLookup(deps: Pick<FrontendDeps, "resolveImage" | "resolveContext">): ImageLookup {
  const known = new Map<string, Promise<ResolvedImage>>();
  const once = (key: string, resolve: () => Promise<ResolvedImage>) => {
    const found = known.get(key) ?? resolve();
    known.set(key, found);
    return found;
  };
  return {
    image: (reference, platform) =>
      once(`${reference} ${formatPlatform(platform)}`, () => deps.resolveImage(reference, platform)),
    // No reference has a colon at its beginning.
    context: (name, platform) =>
      once(`:${name} ${formatPlatform(platform)}`, () => deps.resolveContext(name, platform)),
  };
}

/**
 * Finds out what every stage that `targets` need stands on, all at once, and puts the triggers of images in front of the instructions
 * of the stages on them. Triggers may need further stages. Returns the stages that are needed.
 */
export async function resolveStages(
  table: StageTable,
  targets: readonly StageNode[],
  options: RootsOptions,
): Promise<Set<StageNode>> {
  for (;;) {
    const reached = reachableFrom(targets);
    const open = [...reached].filter((node) => node.base === undefined && node.root === undefined);
    await Promise.all(
      open.map(async (node) => {
        node.root = await findRoot(node, options);
      }),
    );
    let more = false;
    for (const node of reached) if (addTriggers(table, node)) more = true;
    if (!more) return reached;
  }
}

async function findRoot(node: StageNode, options: RootsOptions): Promise<Root> {
  try {
    return await rootOf(node, options);
  } catch (error) {
    throw blame(error, node.location);
  }
}

async function rootOf(node: StageNode, { images, contexts, sources, target }: RootsOptions): Promise<Root> {
  const platform = node.platform ?? target;
  const context = node.replacedBy ?? contexts.find(node.baseName, platform)?.name;
  if (context === undefined) {
    if (node.baseName === "scratch") return { kind: "scratch" };
    return await imageRoot(node.baseName, { platform, images, context });
  }
  const source = sources[context] as ContextSource;
  if (source.kind === "result" || source.kind === "layout") {
    return { kind: "image", image: await images.context(context, platform), platform, context };
  }
  if (source.kind !== "image") return { kind: "context", name: context };
  if (source.reference === "scratch") return { kind: "scratch" };
  return await imageRoot(source.reference, { platform, images, context });
}

async function imageRoot(
  name: string,
  { platform, images, context }: { platform: Platform; images: ImageLookup; context: string | undefined },
): Promise<Root> {
  const reference = fullReference(name);
  try {
    return { kind: "image", image: await images.image(reference, platform), platform, context };
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    throw new EngineError(error.kind, `${name}: ${error.message}`, { cause: error });
  }
}

/** An image's id stays what it is: the classic builder takes one, too. */
function fullReference(name: string): string {
  if (/^sha256:[0-9a-f]{64}$/.test(name)) return name;
  try {
    return canonicalReference(parseTagged(name));
  } catch (error) {
    throw invalid(`failed to parse stage name ${JSON.stringify(name)}: ${messageOf(error)}`, { cause: error });
  }
}

/** True: one of the triggers needs a stage or image. */
function addTriggers(table: StageTable, node: StageNode): boolean {
  if (node.triggered || node.stage === undefined || node.replacedBy !== undefined) return false;
  node.triggered = true;
  const triggers = blaming(node.location, () => triggersOf(node));
  // A trigger is blamed on the FROM: its own lines are in another file.
  const instructions = triggers.map((instruction) => ({ ...instruction, location: node.location }));
  return addCommands(table, node, instructions, true);
}

function triggersOf({ base, root }: StageNode): Instruction[] {
  if (base !== undefined) {
    return base.commands.flatMap(({ instruction }) =>
      instruction.kind === "onbuild" ? [instruction.instruction] : [],
    );
  }
  return root?.kind === "image" ? imageOf(root.image.document).onBuild.map(parseTrigger) : [];
}

function parseTrigger(text: string): Instruction {
  try {
    const instruction = parseInstruction(text);
    if (["FROM", "ONBUILD", "MAINTAINER"].includes(instruction.name)) {
      throw new DockerfileError(`${instruction.name} isn't allowed as an ONBUILD trigger`);
    }
    return instruction;
  } catch (error) {
    // The line that a parse error names counts within the trigger: what is below it says what is wrong.
    let cause = error;
    while (cause instanceof DockerfileError && cause.cause instanceof DockerfileError) cause = cause.cause;
    throw invalid(`ONBUILD trigger ${JSON.stringify(text)} of the base image: ${messageOf(cause)}`, { cause });
  }
}
