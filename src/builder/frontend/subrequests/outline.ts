import type { Location } from "../../../formats/dockerfile/instructions.ts";
import type { ResolvedPlatform } from "../plan-platform.ts";
import type { Definition } from "../read-definition.ts";
import type { StageNode } from "../stage-node.ts";
import type { StageNeed, StageState } from "../stage-state.ts";
import { usedArguments } from "./outline-arguments.ts";
import { descriptionOf, type SourceLocation, sourceData, sourceLocation } from "./source-location.ts";
import { textTable } from "./text-table.ts";

interface OutlineArgument {
  name: string;
  description?: string;
  value?: string;
  location: SourceLocation;
}

interface OutlineNeed {
  name: string;
  required?: true;
  location: SourceLocation;
}

interface Outline {
  name?: string;
  description?: string;
  args?: OutlineArgument[];
  secrets?: OutlineNeed[];
  ssh?: OutlineNeed[];
  sources: string[];
}

/**
 * `--call=outline`: arguments, secrets and agents that the wanted stage and all that it needs ask for.
 * @see BuildKit frontend/subrequests/outline
 */
export function outlineStage(
  { dockerfile, file }: Definition,
  { globals, stage }: Pick<ResolvedPlatform, "globals" | "stage">,
  states: ReadonlyMap<StageNode, StageState>,
): { json: string; text: string } {
  const lines = file.text.split("\n");
  const described = (name: string, location: Location) => {
    const description = descriptionOf(lines, location, name);
    return description === undefined ? {} : { description };
  };
  // The wanted stage first: what it says of an argument counts.
  const ordered = [...states].reverse().sort(([left], [right]) => Number(right === stage) - Number(left === stage));
  const args = usedArguments(dockerfile, globals, ordered).map(
    ({ name, value, location }): OutlineArgument => ({
      name,
      ...described(name, location),
      ...(value === undefined || value === "" ? {} : { value }),
      location: sourceLocation(location),
    }),
  );
  const needs = [...states.values()].flatMap((state) => state.needs);
  const outline: Outline = {
    ...(stage.name === "" ? {} : { name: stage.name, ...described(stage.name, stage.location) }),
    ...unlessEmpty("args", args),
    ...unlessEmpty("secrets", needsOf(needs, "secret")),
    ...unlessEmpty("ssh", needsOf(needs, "ssh")),
    sources: [sourceData(file.text)],
  };
  return { json: JSON.stringify(outline, null, 2), text: outlineText(outline) };
}

/** By line; the first one to ask counts. */
function needsOf(needs: readonly StageNeed[], kind: StageNeed["kind"]): OutlineNeed[] {
  const found = new Map<string, OutlineNeed>();
  const sorted = needs.filter((need) => need.kind === kind).sort((a, b) => a.location.startLine - b.location.startLine);
  for (const { id, required, location } of sorted) {
    if (found.has(id)) continue;
    found.set(id, { name: id, ...(required ? { required } : {}), location: sourceLocation(location) });
  }
  return [...found.values()];
}

function unlessEmpty<K extends string, V>(key: K, values: V[]): { [key in K]?: V[] } {
  return values.length === 0 ? {} : ({ [key]: values } as { [key in K]: V[] });
}

function outlineText({ name, description, args = [], secrets = [], ssh = [] }: Outline): string {
  const head = [
    ...(name === undefined ? [] : [["TARGET:", name]]),
    ...(description === undefined ? [] : [["DESCRIPTION:", description]]),
  ];
  const needRows = (needs: OutlineNeed[]) => needs.map((need) => [need.name, need.required ? "true" : ""]);
  const argRows = args.map((arg) => [arg.name, arg.value ?? "", arg.description ?? ""]);
  return [
    ...(head.length === 0 ? [] : [textTable(head, 1)]),
    ...(args.length === 0 ? [] : [textTable([["BUILD ARG", "VALUE", "DESCRIPTION"], ...argRows], 3)]),
    ...(secrets.length === 0 ? [] : [textTable([["SECRET", "REQUIRED"], ...needRows(secrets)], 3)]),
    ...(ssh.length === 0 ? [] : [textTable([["SSH", "REQUIRED"], ...needRows(ssh)], 3)]),
  ].join("\n");
}
