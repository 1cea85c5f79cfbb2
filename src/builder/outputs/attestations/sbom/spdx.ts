import { digestOf, hexOf } from "../../../../formats/oci/digest.ts";
import type { InstalledPackage, OsRelease } from "./package-lists.ts";

export interface SpdxInput {
  /** What is described: a stage, or an image's first name. */
  name: string;
  packages: InstalledPackage[];
  osRelease: OsRelease;
  createdAt: Date;
  /** Program that made the document. */
  tool: string;
}

const NO_ASSERTION = "NOASSERTION";
const ROOT = "SPDXRef-DocumentRoot-Image";
/** What SPDX takes for a license expression; lists of distributions hold other texts, too. */
const EXPRESSION = /^[A-Za-z0-9.+-]+(?: (?:AND|OR|WITH) [A-Za-z0-9.+-]+)*$/;

/** An SPDX 2.3 document in JSON. The same packages at the same time give the same bytes. @see SPDX specification 2.3. Pure. */
export function spdxDocument({ name, packages, osRelease, createdAt, tool }: SpdxInput): object {
  const described = packages.map((one) => ({ id: spdxId(one), document: describe(one, osRelease) }));
  const root = {
    SPDXID: ROOT,
    name,
    downloadLocation: NO_ASSERTION,
    filesAnalyzed: false,
    primaryPackagePurpose: "CONTAINER",
    ...(osRelease.prettyName === "" ? {} : { comment: osRelease.prettyName }),
  };
  const relationship = (from: string, relationshipType: string, to: string) => ({
    spdxElementId: from,
    relationshipType,
    relatedSpdxElement: to,
  });
  const body = {
    packages: [root, ...described.map(({ document }) => document)],
    relationships: [
      relationship("SPDXRef-DOCUMENT", "DESCRIBES", ROOT),
      ...described.map(({ id }) => relationship(ROOT, "CONTAINS", id)),
    ],
  };
  const seed = hexOf(digestOf(JSON.stringify([name, body, createdAt.getTime()])));
  return {
    spdxVersion: "SPDX-2.3",
    dataLicense: "CC0-1.0",
    SPDXID: "SPDXRef-DOCUMENT",
    name,
    documentNamespace: `https://gantry.invalid/spdx/${seed}`,
    creationInfo: { created: createdAt.toISOString().replace(/\.\d+Z$/, "Z"), creators: [`Tool: ${tool}`] },
    ...body,
  };
}

function spdxId({ type, name, version, architecture }: InstalledPackage): string {
  const text = `${type}-${name}-${version}-${architecture}`.replace(/[^A-Za-z0-9.-]/g, "-");
  const seed = hexOf(digestOf([type, name, version, architecture].join("\0"))).slice(0, 12);
  return `SPDXRef-Package-${text}-${seed}`;
}

function describe(one: InstalledPackage, osRelease: OsRelease): object {
  const license = EXPRESSION.test(one.license) ? one.license : NO_ASSERTION;
  return {
    SPDXID: spdxId(one),
    name: one.name,
    ...(one.version === "" ? {} : { versionInfo: one.version }),
    supplier: one.supplier === "" ? NO_ASSERTION : `Organization: ${one.supplier}`,
    downloadLocation: NO_ASSERTION,
    filesAnalyzed: false,
    sourceInfo: `acquired package info from ${one.path}`,
    licenseConcluded: NO_ASSERTION,
    licenseDeclared: license,
    ...(license === NO_ASSERTION && one.license !== "" ? { licenseComments: one.license } : {}),
    copyrightText: NO_ASSERTION,
    externalRefs: [
      {
        referenceCategory: "PACKAGE-MANAGER",
        referenceType: "purl",
        referenceLocator: packageUrl(one, osRelease),
      },
    ],
  };
}

/** @see package-url purl-spec, types deb and apk */
function packageUrl(one: InstalledPackage, { id, versionId }: OsRelease): string {
  const { type, name, version, architecture, sourceName } = one;
  const namespace = id === "" ? (type === "deb" ? "debian" : "alpine") : id;
  const qualifiers = {
    arch: architecture,
    upstream: sourceName === name ? "" : sourceName,
    distro: versionId === "" ? "" : `${namespace}-${versionId}`,
  };
  const query = Object.entries(qualifiers)
    .filter(([, value]) => value !== "")
    .map(([key, value]) => `${key}=${encodeURIComponent(value)}`)
    .join("&");
  const path = [namespace, name].map(encodeURIComponent).join("/");
  return `pkg:${type}/${path}@${encodeURIComponent(version)}${query === "" ? "" : `?${query}`}`;
}
