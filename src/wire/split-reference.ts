/** `host:5000/a/b:tag@digest` in its parts, without filling in or checking anything: as queries and paths of the API carry them. */
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
