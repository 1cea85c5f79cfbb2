import { readdirSync, readFileSync } from "node:fs";

/** The page's program; everything else that it is made of is reached from it, or lies beside it. */
const ENTRY = new URL("./browser/app.ts", import.meta.url);

/**
 * The sources of the page by their paths below `browser/`. A Bun macro: it runs when the importing module is transpiled, from the
 * sources as well as by `bun build --compile`, so that the text is part of the program and no file is looked for when it runs.
 */
export function readSources(): Record<string, string> {
  const folder = new URL("./", ENTRY);
  const served = readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => /\.(ts|html|css|svg)$/.test(name) && !name.endsWith(".test.ts"))
    .sort();
  return Object.fromEntries(served.map((name) => [name, readFileSync(new URL(name, folder), "utf8")]));
}
