/** A target of a bake file, with everything that it inherits. Lists are as `build` takes them on its command line. */
export interface BakeTarget {
  name: string;
  fields: Record<string, unknown>;
}

export interface BakeFile {
  groups: Map<string, string[]>;
  targets: Map<string, BakeTarget>;
}

const SECTIONS = ["group", "target", "variable"];
const NAME = /^[\w-]+$/;
/** Groups within groups, and targets that inherit. */
const MAX_DEPTH = 32;

/**
 * Reads JSON bake files, later ones over earlier ones; `${NAME}` in texts is a variable of the files, or of the environment. Throws for
 * everything that only HCL has. Pure. @see buildx docs/bake-reference.md
 */
export function parseBakeFiles(
  texts: { name: string; text: string }[],
  environment: Readonly<Record<string, string | undefined>>,
): BakeFile {
  const merged: Record<string, Map<string, Record<string, unknown>>> = {};
  for (const section of SECTIONS) merged[section] = new Map();
  for (const { name, text } of texts) {
    const file = objectOf(parseText(name, text), name);
    for (const [section, value] of Object.entries(file)) {
      const known = merged[section];
      if (known === undefined) throw new Error(`${name}: ${section} is not supported: group, target and variable are`);
      for (const [own, fields] of Object.entries(objectOf(value, `${name}: ${section}`))) {
        if (!NAME.test(own)) throw new Error(`${name}: invalid name ${JSON.stringify(own)} of a ${section}`);
        known.set(own, { ...known.get(own), ...objectOf(fields, `${section} ${own}`) });
      }
    }
  }
  const variables = variablesOf(merged["variable"] ?? new Map(), environment);
  const own = new Map(
    [...(merged["target"] ?? [])].map(([name, fields]) => [name, expand(fields, variables) as Record<string, unknown>]),
  );
  const groups = [...(merged["group"] ?? [])].map(([name, fields]): [string, string[]] => [
    name,
    textsOf(expand(fields["targets"] ?? [], variables), `targets of group ${name}`),
  ]);
  const targets = [...own.keys()].map((name): [string, BakeTarget] => [
    name,
    { name, fields: inherited(name, own, 0) },
  ]);
  return { groups: new Map(groups), targets: new Map(targets) };
}

/** Targets by their names and those of groups, each once. None: `default`. Throws for what there is not. Pure. */
export function chooseTargets({ groups, targets }: BakeFile, names: readonly string[]): BakeTarget[] {
  const chosen = new Set<BakeTarget>();
  const add = (name: string, depth: number) => {
    const group = groups.get(name);
    const target = targets.get(name);
    if (depth > MAX_DEPTH) throw new Error(`group ${name} contains itself`);
    if (group !== undefined) for (const inner of group) add(inner, depth + 1);
    else if (target !== undefined) chosen.add(target);
    else throw new Error(`failed to find target ${name}`);
  };
  for (const name of names.length === 0 ? ["default"] : names) add(name, 0);
  return [...chosen];
}

/** Own fields count more, and of those that are inherited the last; `args`, `labels` and `contexts` are put together. */
function inherited(name: string, all: Map<string, Record<string, unknown>>, depth: number): Record<string, unknown> {
  const own = all.get(name);
  if (own === undefined) throw new Error(`failed to find target ${name}`);
  if (depth > MAX_DEPTH) throw new Error(`target ${name} inherits itself`);
  const { inherits = [], ...fields } = own;
  let result: Record<string, unknown> = {};
  const layers = textsOf(inherits, `inherits of ${name}`).map((parent) => inherited(parent, all, depth + 1));
  for (const layer of [...layers, fields]) {
    const maps = ["args", "labels", "contexts"]
      .filter((key) => layer[key] !== undefined && result[key] !== undefined)
      .map((key) => [key, { ...objectOf(result[key], key), ...objectOf(layer[key], key) }]);
    result = { ...result, ...layer, ...Object.fromEntries(maps) };
  }
  return result;
}

function parseText(name: string, text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw new Error(`${name} is no JSON: bake files in HCL are not supported (${(error as Error).message})`);
  }
}

function variablesOf(
  given: Map<string, Record<string, unknown>>,
  environment: Readonly<Record<string, string | undefined>>,
): Map<string, string> {
  return new Map([...given].map(([name, fields]) => [name, environment[name] ?? String(fields["default"] ?? "")]));
}

function expand(value: unknown, variables: Map<string, string>): unknown {
  if (typeof value === "string") return expandText(value, variables);
  if (Array.isArray(value)) return value.map((one) => expand(one, variables));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, expand(one, variables)]));
}

/** `$${` is a plain `${`. */
function expandText(text: string, variables: Map<string, string>): string {
  return text.replace(/\$\$\{|\$\{([^}]*)\}/g, (found, expression: string | undefined) => {
    if (expression === undefined) return found.slice(1);
    const value = variables.get(expression.trim());
    if (value !== undefined) return value;
    throw new Error(`\${${expression}}: only names of variables are supported, no expressions and functions of HCL`);
  });
}

export function objectOf(value: unknown, what: string): Record<string, unknown> {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new Error(`${what} must be an object`);
}

export function textsOf(value: unknown, what: string): string[] {
  if (Array.isArray(value) && value.every((one) => typeof one === "string")) return value;
  throw new Error(`${what} must be a list of texts`);
}
