import { readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";

export const ROOT = resolve(import.meta.dir, "../..");

/** Paths of the files below `folder`, relative to the root of the repository, sorted. Missing folder: none. */
export function filesBelow(folder: string, suffix: string): string[] {
  const start = join(ROOT, folder);
  if (!statSync(start, { throwIfNoEntry: false })?.isDirectory()) return [];
  return readdirSync(start, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(suffix))
    .map((entry) => relative(ROOT, join(entry.parentPath, entry.name)))
    .filter((path) => !path.includes("node_modules/"))
    .sort();
}

export function readSource(path: string): string {
  return readFileSync(join(ROOT, path), "utf8");
}

/** One import of another file of the tree. `typeOnly`: it is gone when the program runs. */
export interface Import {
  from: string;
  to: string;
  typeOnly: boolean;
  /** `import()` or a worker: loaded later, so it cannot close a circle at load time. */
  lazy: boolean;
}

/** Every relative import and re-export of a file, `import()` and `new Worker(new URL(…))` included. */
export function importsOf(path: string, text = readSource(path)): Import[] {
  const found: Import[] = [];
  const add = (specifier: string, typeOnly: boolean, lazy = false) => {
    if (specifier.startsWith("."))
      found.push({ from: path, to: relative(ROOT, resolve(ROOT, dirname(path), specifier)), typeOnly, lazy });
  };
  const code = withoutComments(text);
  for (const match of code.matchAll(/\b(import|export)\s+(type\s)?([\w*{][^"';]*?)\s*from\s*["']([^"']+)["']/g)) {
    add(match[4] ?? "", match[2] !== undefined || everyNameIsType(match[3] ?? ""));
  }
  for (const match of code.matchAll(/\bimport\s*["'](\.[^"']+)["']/g)) add(match[1] ?? "", false);
  for (const match of code.matchAll(/\bimport\(\s*["'](\.[^"']+)["']/g)) add(match[1] ?? "", false, true);
  for (const match of code.matchAll(/\bnew URL\(\s*["'](\.[^"']+\.ts)["']\s*,\s*import\.meta\.url/g)) {
    add(match[1] ?? "", false, true);
  }
  return found;
}

/** `{ type A, type B }` imports nothing at run time. */
function everyNameIsType(clause: string): boolean {
  const names = /^\{([^}]*)\}$/.exec(clause.trim())?.[1];
  if (names === undefined) return false;
  return names
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "")
    .every((name) => name.startsWith("type "));
}

/** Comments blanked out; a `//` inside a string (an address) is kept, since it follows a colon or a quote. */
function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/(^|[\s;{}()])\/\/.*$/gm, "$1");
}
