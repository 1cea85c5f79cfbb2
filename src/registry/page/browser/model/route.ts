/** What the address bar names: `#/`, `#/team/app`, `#/team/app:1.0`, `#/team/app@sha256:…`, each with an optional query. */
export type Route =
  | { page: "repositories"; query: string }
  | { page: "repository"; name: string }
  | { page: "manifest"; name: string; reference: string; platform: string }
  | { page: "unknown" };

/** @see OCI distribution-spec "Pulling manifests": the grammars of <name> and <reference> */
const NAME = /^[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(\/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*$/;
const TAG = /^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$/;
const DIGEST = /^[a-z0-9]+([+._-][a-z0-9]+)*:[a-zA-Z0-9=_-]{32,}$/;

export function parseRoute(hash: string): Route {
  const [path = "", search = ""] = hash.replace(/^#?\/?/, "").split("?", 2);
  const query = new URLSearchParams(search);
  if (path === "") return { page: "repositories", query: query.get("q") ?? "" };
  const parts = splitReference(path);
  if (parts === undefined) return { page: "unknown" };
  if (parts.reference === "") return { page: "repository", name: parts.name };
  return { page: "manifest", ...parts, platform: query.get("platform") ?? "" };
}

/** The hash of a route; what `parseRoute` reads. */
export function routeTo(name: string, reference = "", platform = ""): string {
  if (reference === "") return `#/${name}`;
  return `#/${joinReference(name, reference)}${platform === "" ? "" : `?platform=${platform}`}`;
}

export function routeToSearch(query: string): string {
  return query === "" ? "#/" : `#/?${new URLSearchParams({ q: query }).toString()}`;
}

/** `app:1.0`, or `app@sha256:…` for a digest. */
export function joinReference(name: string, reference: string): string {
  return `${name}${isDigest(reference) ? "@" : ":"}${reference}`;
}

export function isDigest(reference: string): boolean {
  return DIGEST.test(reference);
}

export function isName(name: string): boolean {
  return NAME.test(name);
}

export function isTag(tag: string): boolean {
  return TAG.test(tag);
}

/** Twelve digits are enough to tell digests apart by eye. */
export function shortDigest(digest: string): string {
  return digest.slice(digest.indexOf(":") + 1).slice(0, 12);
}

function splitReference(path: string): { name: string; reference: string } | undefined {
  const at = path.indexOf("@");
  if (at >= 0) return checked(path.slice(0, at), path.slice(at + 1), DIGEST);
  const colon = path.indexOf(":");
  if (colon >= 0) return checked(path.slice(0, colon), path.slice(colon + 1), TAG);
  return NAME.test(path) ? { name: path, reference: "" } : undefined;
}

function checked(name: string, reference: string, grammar: RegExp): { name: string; reference: string } | undefined {
  return NAME.test(name) && grammar.test(reference) ? { name, reference } : undefined;
}
