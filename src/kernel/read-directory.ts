import { readdirSync } from "node:fs";
import { readKernelFile } from "./proc-info.ts";

/** Texts of the files in a directory, in the order of their names; none where there is no such directory. What cannot be read is left out. */
export function readTexts(directory: string): string[] {
  let names: string[];
  try {
    names = readdirSync(directory).sort();
  } catch {
    return [];
  }
  return names.flatMap((name) => readKernelFile(`${directory}/${name}`) ?? []);
}
