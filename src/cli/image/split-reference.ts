import { canonicalReference, parseReference, parseTagged } from "../../formats/reference/reference.ts";

/** `host:5000/a/b:tag@digest` in its parts, without filling in what is missing. */
export function splitReference(text: string): { repository: string; tag?: string; digest?: string } {
  const at = text.indexOf("@");
  const name = at < 0 ? text : text.slice(0, at);
  const colon = name.lastIndexOf(":");
  const hasTag = colon > name.lastIndexOf("/");
  return {
    repository: hasTag ? name.slice(0, colon) : name,
    ...(hasTag ? { tag: name.slice(colon + 1) } : {}),
    ...(at < 0 ? {} : { digest: text.slice(at + 1) }),
  };
}

/** `a` → `docker.io/library/a:latest`, without the tag where all of them are meant. */
export function fullName(text: string, allTags: boolean): string {
  return canonicalReference(allTags ? parseReference(text) : parseTagged(text));
}
