import type { Definition } from "../read-definition.ts";
import { descriptionOf, type SourceLocation, sourceData, sourceLocation } from "./source-location.ts";
import { textTable } from "./text-table.ts";

interface Target {
  name?: string;
  default?: true;
  description?: string;
  base?: string;
  platform?: string;
  location: SourceLocation;
}

/** `--call=targets`: the stages of the file, as they are written. @see BuildKit frontend/subrequests/targets */
export function listTargets({ dockerfile, file }: Definition): { json: string; text: string } {
  const lines = file.text.split("\n");
  const targets = dockerfile.stages.map(({ from, index }): Target => {
    const description = descriptionOf(lines, from.location, from.stageName ?? "");
    return {
      ...(from.stageName === undefined ? {} : { name: from.stageName }),
      ...(index === dockerfile.stages.length - 1 ? { default: true } : {}),
      ...(description === undefined ? {} : { description }),
      base: from.base,
      ...(from.platform === undefined ? {} : { platform: from.platform }),
      location: sourceLocation(from.location),
    };
  });
  const json = JSON.stringify({ targets, sources: [sourceData(file.text)] }, null, 2);
  return { json, text: textTable([["TARGET", "DESCRIPTION"], ...targets.flatMap(rowOf)], 3) };
}

/** A stage without a name cannot be asked for, unless it is the last one. */
function rowOf({ name, default: isDefault, description = "" }: Target): string[][] {
  if (name === undefined) return isDefault ? [["(default)", description]] : [];
  return [[isDefault ? `${name} (default)` : name, description]];
}
