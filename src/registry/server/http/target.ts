import { isRepositoryPath } from "../../../formats/reference/reference.ts";
import { DistributionError } from "./error-codes.ts";

type Nothing = Record<never, never>;

/** What a path can name, and what it says about it. */
interface Targets {
  base: Nothing;
  catalog: Nothing;
  ping: Nothing;
  search: Nothing;
  health: Nothing;
  metrics: Nothing;
  token: Nothing;
  page: Nothing;
  tags: { name: string };
  uploads: { name: string };
  manifest: { name: string; reference: string };
  blob: { name: string; digest: string };
  referrers: { name: string; digest: string };
  upload: { name: string; id: string };
}

export type TargetKind = keyof Targets;
export type TargetOf<K extends TargetKind> = { kind: K } & Targets[K];
export type Target = { [K in TargetKind]: TargetOf<K> }[TargetKind];

const FIXED: Record<string, TargetKind> = {
  "/v2/": "base",
  "/v2": "base",
  "/v2/_catalog": "catalog",
  "/v1/_ping": "ping",
  "/v1/search": "search",
  "/healthz": "health",
  "/metrics": "metrics",
  "/auth/token": "token",
};

/** Names have slashes, so what follows them is found from the right. */
const IN_REPOSITORY =
  /^\/v2\/(.+)\/(?:(tags)\/list|(manifests)\/([^/]+)|blobs\/(uploads)\/?|blobs\/uploads\/([^/]+)|(blobs)\/([^/]+)|(referrers)\/([^/]+))$/;

/** undefined: no path of this server. Throws NAME_INVALID. @see OCI distribution-spec "Endpoints" */
export function parseTarget(path: string): Target | undefined {
  const fixed = FIXED[path];
  if (fixed !== undefined) return { kind: fixed } as Target;
  const match = IN_REPOSITORY.exec(path);
  if (match === null) return path === "/" || path.startsWith("/ui/") ? { kind: "page" } : undefined;
  const [, name = "", tags, manifests, reference = "", uploads, id, blobs, digest = "", referrers, subject = ""] =
    match;
  if (!isRepositoryPath(name)) throw new DistributionError("NAME_INVALID", { detail: { name: name.slice(0, 300) } });
  if (tags !== undefined) return { kind: "tags", name };
  if (manifests !== undefined) return { kind: "manifest", name, reference: decoded(reference) };
  if (uploads !== undefined) return { kind: "uploads", name };
  if (id !== undefined) return { kind: "upload", name, id };
  if (blobs !== undefined) return { kind: "blob", name, digest: decoded(digest) };
  return referrers === undefined ? undefined : { kind: "referrers", name, digest: decoded(subject) };
}

/** Some clients write the colon of a digest as %3A. What cannot be decoded is no digest and no tag either. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
