import { invalid } from "../../base/errors.ts";
import type { CopyInstruction } from "../../formats/dockerfile/instructions.ts";
import type { CopyOp, CopySource, Owner, VertexIndex } from "../graph.ts";
import { belowRootAsWritten } from "./context-paths.ts";
import { planSource, type SourceOptions } from "./copy-sources.ts";
import { internalVertex } from "./graph-builder.ts";
import { addHistory, addVertex, currentStep, expander, nextStep, type Step } from "./stage-state.ts";
import { shownText } from "./vertex-names.ts";
import { withoutPasswords } from "./without-passwords.ts";

/** An instruction whose words are final. */
interface Expanded {
  sources: string[];
  destination: string;
  chown: string | undefined;
  chmod: string | undefined;
  exclude: string[];
  checksum: string | undefined;
}

/** ADD and COPY. @see BuildKit frontend/dockerfile/dockerfile2llb/convert_copy.go `dispatchCopy` */
export function applyCopy(step: Step, copy: CopyInstruction): void {
  const { planner, stage, command } = step;
  const name = command.instruction.name as "ADD" | "COPY";
  const words = expandCopy(step, copy);
  const destination = belowRootAsWritten(stage.image.workingDir, words.destination);
  validate(name, words, destination);
  const text = shownText(command.instruction.text, (variable) => stage.environment.get(variable), {
    escape: planner.escape,
  });
  const { isTrigger } = command;
  const vertexName = nextStep(planner, stage, { text, isTrigger });
  const from = planSources(step, copy, { name, words });
  const op: CopyOp = {
    kind: "copy",
    sources: from.sources,
    destination,
    owner: words.chown === undefined ? undefined : ownerOf(words.chown),
    mode: words.chmod,
    parents: copy.parents,
    exclude: words.exclude,
    epochSeconds: planner.epochSeconds,
  };
  const { location } = command.instruction;
  if (copy.link && isIndependent(op.owner)) {
    const scratch = planner.graph.add(internalVertex({ kind: "scratch" }, "[internal] scratch"));
    const layer = addVertex(planner, stage, { op, inputs: [scratch, ...from.inputs], name: vertexName, location });
    const linkName = currentStep(planner, stage, { text: `LINK ${text}`, isTrigger });
    stage.vertex = addVertex(planner, stage, {
      op: { kind: "link" },
      inputs: [stage.vertex, layer],
      name: linkName,
      location,
    });
  } else {
    stage.vertex = addVertex(planner, stage, {
      op,
      inputs: [stage.vertex, ...from.inputs],
      name: vertexName,
      location,
    });
  }
  // Whoever has the image reads it.
  addHistory(stage, `${withoutPasswords(historyText(name, copy, words))} # buildkit`, stage.vertex);
}

function expandCopy(step: Step, copy: CopyInstruction): Expanded {
  const { word } = expander(step);
  const optional = (text: string | undefined) => (text === undefined ? undefined : word(text) || undefined);
  const documents = new Set(copy.heredocs.map(({ name }) => `<<${name}`));
  return {
    sources: copy.sources.map((source) => (documents.has(source) ? source : word(source))),
    destination: word(copy.destination),
    chown: optional(copy.chown),
    chmod: optional(copy.chmod),
    exclude: copy.exclude.map(word),
    checksum: optional(copy.checksum),
  };
}

function validate(name: "ADD" | "COPY", { sources, chmod, checksum }: Expanded, destination: string): void {
  if (sources.length > 1 && !destination.endsWith("/")) {
    throw invalid(
      `When using ${name} with more than one source file, the destination must be a directory and end with a /`,
    );
  }
  if (checksum !== undefined && sources.length > 1) throw invalid("checksum can't be specified for multiple sources");
  if (chmod !== undefined) validateMode(chmod);
}

/** Octal up to 07777, or the symbolic form of chmod(1). */
function validateMode(mode: string): void {
  const octal = /^[0-7]+$/.test(mode) && Number.parseInt(mode, 8) <= 0o7777;
  const symbolic = /^(?:[ugoa]*(?:[-+=](?:[rwxXst]*|[ugo]))+)(?:,[ugoa]*(?:[-+=](?:[rwxXst]*|[ugo]))+)*$/;
  if (octal || (symbolic.test(mode) && !/^\d/.test(mode))) return;
  throw invalid(`invalid chmod parameter: '${mode}'. it should be octal string and between 0 and 07777`);
}

/** `user[:group]`, names or numbers. */
export function ownerOf(text: string): Owner {
  const colon = text.indexOf(":");
  if (colon === -1) return { user: text, group: undefined };
  return { user: text.slice(0, colon), group: text.slice(colon + 1) || undefined };
}

/** A layer of its own knows no names of users: those are looked up in the tree that is copied into. */
function isIndependent(owner: Owner | undefined): boolean {
  return [owner?.user, owner?.group].every((id) => id === undefined || /^\d*$/.test(id));
}

/** Vertices and paths of all sources, at their place. */
function planSources(
  step: Step,
  copy: CopyInstruction,
  { name, words }: { name: "ADD" | "COPY"; words: Expanded },
): { sources: CopySource[]; inputs: VertexIndex[] } {
  const inputs: VertexIndex[] = [];
  const inputOf = (vertex: VertexIndex) => {
    const known = inputs.indexOf(vertex);
    return 1 + (known === -1 ? inputs.push(vertex) - 1 : known);
  };
  const { graph } = step.planner;
  const options: SourceOptions = {
    instruction: name,
    parents: copy.parents,
    keepGitDir: copy.keepGitDir,
    checksum: words.checksum,
    unpack: copy.unpack,
  };
  const documents = new Map(copy.heredocs.map((heredoc) => [`<<${heredoc.name}`, heredoc]));
  const sources = words.sources.map((text): CopySource => {
    const document = documents.get(text);
    if (document !== undefined) {
      validateDocumentName(document.name);
      const content = document.expand ? expander(step).document(document.content) : document.content;
      const op = { kind: "inline" as const, files: [{ name: document.name, content }] };
      const vertex = graph.add(internalVertex(op, "[internal] preparing inline document"));
      return { input: inputOf(vertex), path: document.name, wildcards: false, unpack: "never", optional: false };
    }
    const planned = planSource(text, options);
    const vertex =
      planned.kind === "path"
        ? localVertex(step, copy, planned.needed)
        : graph.add(internalVertex(planned.op, planned.name));
    return { input: inputOf(vertex), ...planned.source };
  });
  return { sources, inputs };
}

/** The document becomes a file of its delimiter's name. */
function validateDocumentName(name: string): void {
  if (name.includes("/") || name === "." || name === "..") {
    throw invalid(`heredoc delimiter ${JSON.stringify(name)} is no file name`);
  }
}

/** `--from`, or the build context. */
function localVertex({ planner, stage, command }: Step, copy: CopyInstruction, path: string): VertexIndex {
  const [from] = command.sources;
  if (from === undefined) return planner.graph.context("context", path);
  const problem = `cannot copy from stage ${JSON.stringify(copy.from)}, it needs to be defined before current stage ${JSON.stringify(stage.label)}`;
  return planner.sourceVertex(from, path, problem);
}

/** Documents come last, as BuildKit writes them. */
function historyText(name: string, { parents, heredocs }: CopyInstruction, words: Expanded): string {
  const documents = heredocs.map((heredoc) => `<<${heredoc.name}`);
  return [
    name,
    ...(parents ? ["--parents"] : []),
    ...(words.chown === undefined ? [] : [`--chown=${words.chown}`]),
    ...(words.chmod === undefined ? [] : [`--chmod=${words.chmod}`]),
    ...words.sources.filter((source) => !documents.includes(source)),
    ...documents,
    words.destination,
  ].join(" ");
}
