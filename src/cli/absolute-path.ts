/** `path` made absolute and clean (no `.`, `..` or double slashes); node:path takes most of a millisecond to load. */
export function absolutePath(workingDir: string, path: string): string {
  const parts: string[] = [];
  for (const part of (path.startsWith("/") ? path : `${workingDir}/${path}`).split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return `/${parts.join("/")}`;
}
