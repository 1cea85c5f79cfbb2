/**
 * Stage, image or context that a `RUN --mount` takes its files from; undefined: none. Known before anything is expanded: variables
 * are not expanded in `from`. Mistakes in the flag are left to `parseRunMount`.
 */
export function mountOrigin(written: string): string | undefined {
  const fields = written.split(",").map((field) => field.replace(/^"|"$/g, ""));
  const valueOf = (key: string) => {
    const field = fields.find((text) => text.slice(0, key.length + 1).toLowerCase() === `${key}=`);
    return field?.slice(key.length + 1);
  };
  const type = valueOf("type")?.toLowerCase() ?? "bind";
  const from = valueOf("from");
  return (type === "bind" || type === "cache") && from !== undefined && from !== "" ? from : undefined;
}
