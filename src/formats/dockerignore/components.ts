import { type GlobToken, matchTokens } from "./glob.ts";

/** What stands between two slashes of a pattern: a test of a name, or any number of names. */
export type Component = "**" | ((name: string) => boolean);

/** Names are tested very often, so the usual forms get a test of their own. */
export function compileComponent(tokens: GlobToken[]): Component {
  const stars = tokens.filter((token) => token.kind === "star").length;
  if (stars === 2 && tokens.length === 2) return "**";
  if (stars > 1 || tokens.some((token) => token.kind === "any" || token.kind === "class"))
    return (name) => matchTokens(tokens, name);
  const [before = "", after = ""] = tokens
    .map((token) => (token.kind === "one" ? token.character : "/"))
    .join("")
    .split("/");
  if (stars === 0) return (name) => name === before;
  if (before === "") return (name) => name.endsWith(after);
  if (after === "") return (name) => name.startsWith(before);
  const shortest = before.length + after.length;
  return (name) => name.length >= shortest && name.startsWith(before) && name.endsWith(after);
}

/**
 * Whether the components describe the path that `parts` are. `**` in the middle stands for any number of them, at the end for
 * at least one. Only the last `**` is ever lengthened, so that time is at most the product of both lengths.
 */
export function matchComponents(components: Component[], parts: string[]): boolean {
  let [at, index] = [0, 0];
  let [deepAt, deepIndex] = [-1, -1];
  while (at < parts.length || index < components.length) {
    const component = components[index];
    if (component === "**") {
      if (index === components.length - 1) return at < parts.length;
      [deepAt, deepIndex] = [at, index++];
      continue;
    }
    if (component !== undefined && at < parts.length && component(parts[at] as string)) {
      at++;
      index++;
      continue;
    }
    if (deepIndex < 0 || deepAt >= parts.length) return false;
    at = ++deepAt;
    index = deepIndex + 1;
  }
  return true;
}
