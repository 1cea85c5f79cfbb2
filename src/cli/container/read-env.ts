/** Longest environment or label file that is read. */
const MAX_FILE_BYTES = 8 * 1024 * 1024;

export interface FileReader {
  /** Rejects with Go's words: `open x: no such file or directory`. */
  readText(path: string, maxBytes: number): Promise<string>;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Files first, then single values. `NAME` alone takes its value from our environment. */
export async function readEnvironment(
  files: readonly string[],
  values: readonly string[],
  source: { reader: FileReader; environment: Environment },
): Promise<string[]> {
  const lines: string[] = [];
  for (const file of files) {
    const text = await source.reader.readText(file, MAX_FILE_BYTES);
    lines.push(...parseEnvironmentFile(text, file, source.environment));
  }
  // A name that our environment has not is sent alone: it takes the variable away from the image.
  for (const value of values) lines.push(withValue(value, source.environment)[0] ?? value);
  return lines;
}

/** `#` starts a comment line; names may not hold white space. Pure. */
export function parseEnvironmentFile(text: string, file: string, environment: Environment): string[] {
  const found: string[] = [];
  for (const raw of text.replace(/^\uFEFF/, "").split("\n")) {
    const line = raw.replace(/\r$/, "").trimStart();
    if (line === "" || line.startsWith("#")) continue;
    const name = line.split("=")[0] ?? "";
    if (name === "") throw new Error(`invalid env file (${file}): no variable name on line '${line}'`);
    if (/\s/.test(name.trimStart()))
      throw new Error(`invalid env file (${file}): variable '${name}' contains whitespaces`);
    found.push(...withValue(line, environment));
  }
  return found;
}

function withValue(text: string, environment: Environment): string[] {
  if (text.includes("=")) return [text];
  const value = environment[text];
  return value === undefined ? [] : [`${text}=${value}`];
}

/** Labels of files and flags, the last one of a name wins. */
export async function readLabels(
  files: readonly string[],
  values: readonly string[],
  reader: FileReader,
): Promise<Record<string, string>> {
  const lines: string[] = [];
  for (const file of files) lines.push(...parseEnvironmentFile(await reader.readText(file, MAX_FILE_BYTES), file, {}));
  return toMap([...lines, ...values]);
}

export function toMap(pairs: readonly string[]): Record<string, string> {
  const map: Record<string, string> = {};
  for (const pair of pairs) {
    const equals = pair.indexOf("=");
    map[equals < 0 ? pair : pair.slice(0, equals)] = equals < 0 ? "" : pair.slice(equals + 1);
  }
  return map;
}
