import { cleanPath } from "../../base/clean-path.ts";
/** How `docker cp` reads its two arguments and decides what becomes of a name. All pure. @see docker cp reference; moby go-archive copy.go */

export interface CopyArgument {
  /** "" for a local path. */
  container: string;
  path: string;
}

/** `CONTAINER:PATH`, unless it begins like a local path (`/…`, `./a:b`). */
export function parseCopyArgument(text: string): CopyArgument {
  const colon = text.indexOf(":");
  if (text.startsWith("/") || text.startsWith(".") || colon < 0) return { container: "", path: text };
  return { container: text.slice(0, colon), path: text.slice(colon + 1) };
}

export function endsInSlash(path: string): boolean {
  return path.endsWith("/");
}

/** `.`, `a/.`: what the directory holds, not the directory. */
export function meansContents(path: string): boolean {
  return path === "." || path.endsWith("/.");
}

/** `clean`, with the slash or "/." at the end of `original`. */
export function keepEnding(clean: string, original: string): string {
  const base = clean === "/" ? "" : clean;
  if (meansContents(original) && !meansContents(clean)) return `${base}/.`;
  return endsInSlash(original) && !endsInSlash(clean) ? `${base}/` : clean;
}

/** The directory and the name in it; the name of `a/.` is ".", of "/" it is "/". */
export function splitEntry(path: string): { directory: string; base: string } {
  const clean = cleanPath(path);
  if (meansContents(path)) return { directory: clean, base: "." };
  if (clean === "/") return { directory: "/", base: "/" };
  const slash = clean.lastIndexOf("/");
  return { directory: slash < 0 ? "." : clean.slice(0, slash) || "/", base: clean.slice(slash + 1) };
}

/** A source by way of a link: where it leads, and the name that the copy keeps ("" where it is the same). */
export function followedSource(path: string, target: string): { path: string; keptName: string } {
  const [asked, found] = [splitEntry(path).base, splitEntry(keepEnding(target, path)).base];
  return { path: keepEnding(target, path), keptName: asked === found ? "" : asked };
}

/** Where a link of a container leads, which stands at `path`. */
export function linkTarget(path: string, target: string): string {
  return target.startsWith("/") ? target : cleanPath(`${splitEntry(path).directory}/${target}`);
}

export interface Source {
  path: string;
  isDirectory: boolean;
  /** Instead of the path's last component; "": none. */
  keptName: string;
}

export interface Destination {
  path: string;
  /** undefined: nothing is there. */
  kind: "directory" | "other" | undefined;
}

/** Extract into `directory`, the archive's first component becoming `name`. */
export interface CopyPlan {
  directory: string;
  name: string;
}

/**
 * What the copy is called and where it goes: into a directory that is there, else under the destination's own name. Throws in
 * Docker's words where it cannot be.
 */
export function planCopy(source: Source, destination: Destination): CopyPlan {
  const name = source.keptName || splitEntry(source.path).base;
  if (destination.kind === "directory") return { directory: destination.path, name };
  const { directory, base } = splitEntry(destination.path);
  if (destination.kind === "other" && source.isDirectory) throw new Error("cannot copy directory");
  const wantsDirectory = endsInSlash(destination.path) || meansContents(destination.path);
  if (destination.kind === undefined && !source.isDirectory && wantsDirectory) throw new Error("no such directory");
  return { directory, name: base };
}
