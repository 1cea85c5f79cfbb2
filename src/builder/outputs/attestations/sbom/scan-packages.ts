import { invalid, isKind } from "../../../../base/errors.ts";
import type { TreeReader } from "../../../../storage/snapshots/pack/tree-reader.ts";
import {
  type InstalledPackage,
  type OsRelease,
  parseApkInstalled,
  parseDpkgStatus,
  parseOsRelease,
} from "./package-lists.ts";

/** Bytes of one list: Debian's of 3000 packages has some 4 MB. It is parsed at once, while nothing else happens. */
const MAX_LIST_BYTES = 16 << 20;
const MAX_OS_RELEASE_BYTES = 1 << 20;
/** Packages of one image. */
const MAX_PACKAGES = 100_000;

const DPKG_STATUS = "/var/lib/dpkg/status";
/** One file for each package, where an image has no dpkg. */
const DPKG_DIRECTORY = "/var/lib/dpkg/status.d";
const APK_LISTS = ["/lib/apk/db/installed", "/usr/lib/apk/db/installed"];
const OS_RELEASES = ["/etc/os-release", "/usr/lib/os-release"];

/** What package managers have noted in a tree, by name. Lists that are not there are empty. Throws for one that is too large. */
export async function scanPackages(tree: Pick<TreeReader, "read" | "names">): Promise<{
  packages: InstalledPackage[];
  osRelease: OsRelease;
}> {
  const text = (path: string) => readText(tree, path, MAX_LIST_BYTES);
  const packages = parseDpkgStatus((await text(DPKG_STATUS)) ?? "", DPKG_STATUS);
  for (const name of (await tree.names(DPKG_DIRECTORY)).sort()) {
    if (name.endsWith(".md5sums")) continue;
    const path = `${DPKG_DIRECTORY}/${name}`;
    packages.push(...parseDpkgStatus((await text(path)) ?? "", path));
    if (packages.length > MAX_PACKAGES) throw invalid(`SBOM: more than ${MAX_PACKAGES} packages`);
  }
  for (const path of APK_LISTS) {
    const found = await text(path);
    if (found === undefined) continue;
    packages.push(...parseApkInstalled(found, path));
    // The other is a link to it.
    break;
  }
  if (packages.length > MAX_PACKAGES) throw invalid(`SBOM: more than ${MAX_PACKAGES} packages`);
  return { packages: packages.sort(byName), osRelease: await osReleaseOf(tree) };
}

async function osReleaseOf(tree: Pick<TreeReader, "read">): Promise<OsRelease> {
  for (const path of OS_RELEASES) {
    const text = await readText(tree, path, MAX_OS_RELEASE_BYTES);
    if (text !== undefined) return parseOsRelease(text);
  }
  return parseOsRelease("");
}

async function readText(tree: Pick<TreeReader, "read">, path: string, limitBytes: number): Promise<string | undefined> {
  const parts: Uint8Array[] = [];
  let length = 0;
  try {
    for await (const bytes of tree.read(path)) {
      length += bytes.length;
      if (length > limitBytes) throw invalid(`SBOM: ${path} is larger than ${limitBytes} bytes`);
      parts.push(bytes);
    }
  } catch (error) {
    if (isKind(error, "not-found")) return undefined;
    throw error;
  }
  return Buffer.concat(parts).toString();
}

function byName(left: InstalledPackage, right: InstalledPackage): number {
  return left.name.localeCompare(right.name) || left.architecture.localeCompare(right.architecture);
}
