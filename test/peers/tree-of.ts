import type { TarEntry } from "../../src/formats/tar/entry.ts";
import { createTarParser } from "../../src/formats/tar/parser.ts";

/**
 * What an exported file system holds below a directory ("": all of it): a line for each name with all that is known of it, sorted. Which of several
 * names of one file comes first is the exporter's choice: links are told as the set of names. Times after `latest` (seconds) are those
 * of an engine's own work, and left out.
 */
export function treeOf(archive: Uint8Array, { directory, latest }: { directory: string; latest: bigint }): string[] {
  const entries: { entry: TarEntry; name: string; content: InstanceType<typeof Bun.CryptoHasher> }[] = [];
  const parser = createTarParser({
    entry(entry) {
      const name = entry.name
        .toString()
        .replace(/^\.?\//, "")
        .replace(/\/$/, "");
      entries.push({ entry, name, content: new Bun.CryptoHasher("sha256") });
    },
    data: (bytes) => void entries.at(-1)?.content.update(bytes),
    close: () => undefined,
  });
  parser.push(archive);
  parser.end();
  const byName = new Map(entries.map((one) => [one.name, one]));
  const firstOf = ({ entry, name }: (typeof entries)[number]) =>
    entry.type === "hardlink" ? entry.linkName.toString().replace(/^\.?\//, "") : name;
  const digests = new Map(entries.map(({ name, content }) => [name, content.digest("hex").slice(0, 16)]));
  return entries
    .filter(({ name }) => directory === "" || name === directory || name.startsWith(`${directory}/`))
    .map((one) => {
      const first = byName.get(firstOf(one)) ?? one;
      const names = entries.filter((other) => firstOf(other) === first.name).map(({ name }) => name);
      return [
        one.name,
        describe(first.entry, latest),
        digests.get(first.name),
        names.length > 1 ? names.sort().join("=") : "",
      ].join(" ");
    })
    .sort();
}

function describe(entry: TarEntry, latest: bigint): string {
  const { type, mode, uid, gid, sizeBytes, modifiedAt, deviceMajor, deviceMinor, xattrs } = entry;
  const target = type === "symlink" ? entry.linkName.toString() : "";
  const attributes = xattrs.map(({ name, value }) => `${name.toString()}=${value.toString("hex")}`).sort();
  const time = modifiedAt.seconds > latest ? "new" : String(modifiedAt.seconds);
  return [
    type,
    mode.toString(8),
    uid,
    gid,
    sizeBytes,
    time,
    `${deviceMajor}:${deviceMinor}`,
    target,
    ...attributes,
  ].join(" ");
}
