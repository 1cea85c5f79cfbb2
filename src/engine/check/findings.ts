import type { Digest } from "../../formats/oci/digest.ts";
import type { ImageFault } from "../../images/check-images.ts";
import type { BlobFault } from "../../storage/content/verify/verify.ts";
import type { SnapshotAudit } from "../../storage/snapshots/audit.ts";
import type { Stray } from "../../storage/stray.ts";

/** Something that is not as it should be. */
export interface Problem {
  /** `damaged`: something is missing or wrong. `orphan`: something is there that nothing refers to. */
  kind: "damaged" | "orphan";
  /** What it is about: `blob sha256:…`, a path. */
  object: string;
  /** A sentence without its object. */
  fault: string;
  /** Whether it is as it should be now. */
  repaired: boolean;
  /** What was done, or what there is to do. */
  remedy?: string;
}

/** Everything that was found, as its parts tell it. */
export interface Findings {
  records: string[];
  images: ImageFault[];
  /** Digests that names stand for and that are not here. */
  targets: Digest[];
  blobs: BlobFault[];
  snapshots: Pick<SnapshotAudit, "damaged" | "lost">;
  strays: Stray[];
  /** Digests of blobs and chainIDs of layers. */
  orphans: { blobs: string[]; layers: string[] };
}

/** One problem for each finding, nothing done about it. */
export function describeFindings(findings: Findings): Problem[] {
  const damaged = (object: string, fault: string): Problem => ({ kind: "damaged", object, fault, repaired: false });
  const orphan = (object: string, fault: string): Problem => ({ kind: "orphan", object, fault, repaired: false });
  const { records, images, targets, blobs, snapshots, strays, orphans } = findings;
  return [
    ...records.map((fault) => damaged("records", fault)),
    ...blobs.map(({ digest, fault }) => damaged(`blob ${digest}`, fault)),
    ...snapshots.damaged.map(({ chainId, fault }) => damaged(`layer ${chainId}`, fault)),
    ...snapshots.lost.map(({ key, fault }) => damaged(`container ${key}`, fault)),
    ...images.map(({ row, fault }) => damaged(`image ${row.id}`, fault)),
    ...targets.map((digest) => damaged(`index ${digest}`, "is missing, and a name stands for it")),
    ...strays.map(({ path, fault }) => orphan(path, fault)),
    ...orphans.blobs.map((digest) => orphan(`blob ${digest}`, "belongs to no image")),
    ...orphans.layers.map((chainId) => orphan(`layer ${chainId}`, "belongs to no image")),
  ];
}
