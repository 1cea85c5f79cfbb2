import { canonicalReference, parseReference, parseTagged } from "../../formats/reference/reference.ts";

/** `a` → `docker.io/library/a:latest`, without the tag where all of them are meant. */
export function fullName(text: string, allTags: boolean): string {
  return canonicalReference(allTags ? parseReference(text) : parseTagged(text));
}
