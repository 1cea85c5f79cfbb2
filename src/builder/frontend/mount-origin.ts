import { splitCsv } from "../../base/csv.ts";

/**
 * Stage, image or context that a `RUN --mount` takes its files from; undefined: none. Known before anything is expanded: variables
 * are not expanded in `from`. The parser has looked at the form of the flag; other mistakes in it are left to `parseRunMount`.
 */
export function mountOrigin(written: string): string | undefined {
  const fields = new Map<string, string>();
  for (const field of splitCsv(written)) {
    const equals = field.indexOf("=");
    if (equals > 0) fields.set(field.slice(0, equals).toLowerCase(), field.slice(equals + 1));
  }
  const type = fields.get("type")?.toLowerCase() ?? "bind";
  const from = fields.get("from") ?? "";
  return (type === "bind" || type === "cache") && from !== "" ? from : undefined;
}
