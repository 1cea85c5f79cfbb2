import type { Method } from "../http/exchange.ts";
import type { Target } from "../http/target.ts";

/** A right that a request needs, as a token's scope names it. @see distribution "Token Scope Documentation" */
export interface Access {
  type: "repository" | "registry";
  name: string;
  action: "pull" | "push" | "delete" | "*";
}

/** Who asks; the empty name is nobody in particular. */
export interface Identity {
  user: string;
}

/** Decides whether a request may do what it wants. Throws UNAUTHORIZED with a challenge, or DENIED. */
export interface Authorizer {
  authorize(request: Request, needed: readonly Access[]): Identity | Promise<Identity>;
}

/** What is served to everybody: it tells nothing of what the registry holds. */
const PUBLIC = new Set<Target["kind"]>(["health", "page", "ping", "token"]);

const PULL = new Set<Method>(["GET", "HEAD"]);

/** The rights that a request needs; undefined: none, not even a name. `from`: the source of a mount, which must be readable. */
export function accessFor(target: Target, method: Method, query: URLSearchParams): Access[] | undefined {
  if (PUBLIC.has(target.kind)) return undefined;
  if (!("name" in target)) {
    return target.kind === "base" ? [] : [{ type: "registry", name: "catalog", action: "*" }];
  }
  const { name } = target;
  const on = (action: Access["action"], repository = name): Access => ({
    type: "repository",
    name: repository,
    action,
  });
  if (target.kind === "upload") return [on("pull"), on("push")];
  if (target.kind === "uploads") {
    const from = query.has("mount") ? query.get("from") : null;
    return [on("pull"), on("push"), ...(from === null || from === name ? [] : [on("pull", from)])];
  }
  if (PULL.has(method)) return [on("pull")];
  return method === "DELETE" ? [on("delete")] : [on("pull"), on("push")];
}

/** `repository:a/b:pull,push registry:catalog:*`, as a challenge and a token request say it. */
export function formatScopes(needed: readonly Access[]): string {
  const actions = new Map<string, string[]>();
  for (const { type, name, action } of needed) {
    const key = `${type}:${name}`;
    actions.set(key, [...(actions.get(key) ?? []), action]);
  }
  return [...actions].map(([key, list]) => `${key}:${list.join(",")}`).join(" ");
}

/** Anybody may do anything: no authentication is configured. */
export const openToAll: Authorizer = { authorize: () => ({ user: "" }) };
