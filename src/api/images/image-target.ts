import { splitReference } from "../../wire/split-reference.ts";

/** What `fromImage` or a path names, together with the request's `tag`. */
export interface ImageTarget {
  /** `repository[:tag][@digest]`. */
  reference: string;
  repository: string;
  /** undefined with `digest` undefined: all tags. */
  tag?: string;
  digest?: string;
}

/** Docker's test: what reads as a digest is one, everything else is a tag. */
const DIGEST = /^[A-Za-z0-9]+(?:[+._-][A-Za-z0-9]+)*:[0-9a-fA-F]{32,}$/;

/**
 * Joins the two as Docker does: `tag` may be a digest, and takes the place of what the name has. A colon at the end of the name is
 * what `pull -a` once sent. The parts are not checked here. Pure.
 */
export function imageTarget(name: string, tag: string): ImageTarget {
  const reference = name.replace(/:$/, "");
  const own = splitReference(reference);
  const { repository } = own;
  if (tag === "") return { ...own, reference };
  if (DIGEST.test(tag)) return { repository, digest: tag, reference: `${repository}@${tag}` };
  if (own.digest !== undefined) {
    return { repository, tag, digest: own.digest, reference: `${repository}:${tag}@${own.digest}` };
  }
  return { repository, tag, reference: `${repository}:${tag}` };
}
