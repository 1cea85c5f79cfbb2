import { join } from "node:path";
import { algorithmOf, type Digest, type DigestAlgorithm, hexOf } from "../../../formats/oci/digest.ts";

/** What a repository links: bytes that manifests name, and the manifests themselves. */
export type LinkKind = "_blobs" | "_manifests";

export const ALGORITHMS: DigestAlgorithm[] = ["sha256", "sha512"];

/** A link that the collector has put aside ends so until it is decided; nobody else makes or opens such a name. */
export const TRASH_SUFFIX = ".trash";

/** Paths below the root; see README.md in the server's folder. Names and digests are checked before they come here. */
export interface Layout {
  root: string;
  blobs(algorithm: DigestAlgorithm): string;
  blob(digest: Digest): string;
  /** Files on their way to a name; none is older than the request that writes it. */
  temporary: string;
  repositories: string;
  repository(name: string): string;
  links(repository: string, kind: LinkKind, algorithm: DigestAlgorithm): string;
  link(repository: string, kind: LinkKind, digest: Digest): string;
  tags(repository: string): string;
  uploads(repository: string): string;
  /** Descriptors of what says something about `subject`. */
  referrers(repository: string, subject: Digest): string;
  allReferrers(repository: string): string;
}

export function createLayout(root: string): Layout {
  const repositories = join(root, "repositories");
  const repository = (name: string) => join(repositories, name);
  const blobs = (algorithm: DigestAlgorithm) => join(root, "blobs", algorithm);
  const links: Layout["links"] = (name, kind, algorithm) => join(repository(name), kind, algorithm);
  const allReferrers = (name: string) => join(repository(name), "_referrers");
  return {
    root,
    blobs,
    blob: (digest) => join(blobs(algorithmOf(digest)), hexOf(digest)),
    temporary: join(root, "tmp"),
    repositories,
    repository,
    links,
    link: (name, kind, digest) => join(links(name, kind, algorithmOf(digest)), hexOf(digest)),
    tags: (name) => join(repository(name), "_tags"),
    uploads: (name) => join(repository(name), "_uploads"),
    referrers: (name, subject) => join(allReferrers(name), algorithmOf(subject), hexOf(subject)),
    allReferrers,
  };
}
