/** One installed package of a distribution. */
export interface InstalledPackage {
  type: "deb" | "apk";
  name: string;
  version: string;
  architecture: string;
  /** The package that it was built of; "": itself. */
  sourceName: string;
  /** As the list says it; "": nothing. Debian's list has none. */
  license: string;
  supplier: string;
  /** The list that has it. */
  path: string;
}

/** `/etc/os-release`: who made the system. */
export interface OsRelease {
  id: string;
  versionId: string;
  prettyName: string;
}

/**
 * Paragraphs of dpkg's `status`, or of a file in `status.d` of an image without dpkg. What is not installed (any more) is left out.
 * @see deb-control(5), dpkg-query(1) "installed". Pure.
 */
export function parseDpkgStatus(text: string, path: string): InstalledPackage[] {
  return text.split(/\n(?:[ \t]*\n)+/).flatMap((paragraph) => {
    const fields = controlFields(paragraph);
    const name = fields.get("package");
    const status = fields.get("status");
    if (name === undefined || (status !== undefined && !status.endsWith(" installed"))) return [];
    return [
      {
        type: "deb" as const,
        name,
        version: fields.get("version") ?? "",
        architecture: fields.get("architecture") ?? "",
        // `name (version)`.
        sourceName: (fields.get("source") ?? "").split("(")[0]?.trim() ?? "",
        license: "",
        supplier: fields.get("maintainer") ?? "",
        path,
      },
    ];
  });
}

/** Values of one line; continuations (descriptions) are of no use here. */
function controlFields(paragraph: string): Map<string, string> {
  const fields = new Map<string, string>();
  for (const line of paragraph.split("\n")) {
    const colon = line.indexOf(":");
    if (colon > 0 && !/^\s/.test(line)) fields.set(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim());
  }
  return fields;
}

/** apk's `installed`: one letter for each field. @see apk-v2 database format. Pure. */
export function parseApkInstalled(text: string, path: string): InstalledPackage[] {
  return text.split(/\n\n+/).flatMap((paragraph) => {
    const fields = new Map<string, string>();
    for (const line of paragraph.split("\n")) {
      if (line[1] === ":" && !fields.has(line[0] as string)) fields.set(line[0] as string, line.slice(2).trim());
    }
    const name = fields.get("P");
    if (name === undefined) return [];
    return [
      {
        type: "apk" as const,
        name,
        version: fields.get("V") ?? "",
        architecture: fields.get("A") ?? "",
        sourceName: fields.get("o") ?? "",
        license: fields.get("L") ?? "",
        supplier: fields.get("m") ?? "",
        path,
      },
    ];
  });
}

/** @see os-release(5). Pure. */
export function parseOsRelease(text: string): OsRelease {
  const fields = new Map(
    text.split("\n").flatMap((line) => {
      const match = /^([A-Z_]+)=(["']?)(.*)\2\s*$/.exec(line);
      return match === null ? [] : [[match[1] as string, match[3] as string] as const];
    }),
  );
  const value = (name: string) => fields.get(name) ?? "";
  return { id: value("ID"), versionId: value("VERSION_ID"), prettyName: value("PRETTY_NAME") };
}
