import type { Database } from "bun:sqlite";
import type { Digest } from "../../formats/oci/digest.ts";
import type { Migration } from "./database.ts";

/** One layer of an image, base first. */
export interface LayerRow {
  diffId: Digest;
  /** Of the blob as it is stored, compressed or not. */
  digest: Digest;
  sizeBytes: number;
  mediaType: string;
}

export interface ImageRow {
  /** Digest of the config. */
  id: Digest;
  manifestDigest: Digest;
  layers: LayerRow[];
  /** The image that this one was made of (commit, build); absent: it came whole. It may be gone. */
  parent?: Digest;
}

export interface ReferenceRow {
  /** Canonical: `docker.io/library/busybox:latest` or `…@sha256:…`. */
  reference: string;
  imageId: Digest;
  taggedAtMs: number;
  /** What the name resolved to at its registry, or in the archive it came from: a manifest or an index. Absent: made here. */
  target?: Digest;
}

export interface ImageRecords {
  images(): ImageRow[];
  references(): ReferenceRow[];
  /** One transaction: replaces what has the same key. */
  put(image: ImageRow, references: ReferenceRow[]): void;
  putReference(row: ReferenceRow): void;
  deleteReference(reference: string): void;
  /** With its references. */
  deleteImage(id: Digest): void;
}

export const IMAGE_MIGRATION: Migration = [
  `CREATE TABLE images (id TEXT PRIMARY KEY, manifest_digest TEXT NOT NULL, layers TEXT NOT NULL) WITHOUT ROWID`,
  `CREATE TABLE image_references (
     reference TEXT PRIMARY KEY,
     image_id TEXT NOT NULL REFERENCES images (id) ON DELETE CASCADE,
     tagged_at_ms INTEGER NOT NULL
   ) WITHOUT ROWID`,
];

export const IMAGE_TARGET_MIGRATION: Migration = [`ALTER TABLE image_references ADD COLUMN target TEXT`];

export const IMAGE_PARENT_MIGRATION: Migration = [`ALTER TABLE images ADD COLUMN parent TEXT`];

export function createImageRecords(database: Database): ImageRecords {
  const putImage = database.query(
    `INSERT INTO images (id, manifest_digest, layers, parent) VALUES (?, ?, ?, ?)
     ON CONFLICT (id) DO UPDATE SET manifest_digest = excluded.manifest_digest, layers = excluded.layers,
       parent = excluded.parent`,
  );
  const putReference = database.query(
    `INSERT INTO image_references (reference, image_id, tagged_at_ms, target) VALUES (?, ?, ?, ?)
     ON CONFLICT (reference) DO UPDATE SET image_id = excluded.image_id, tagged_at_ms = excluded.tagged_at_ms,
       target = excluded.target`,
  );
  const insertReference = (row: ReferenceRow) =>
    putReference.run(row.reference, row.imageId, row.taggedAtMs, row.target ?? null);
  const images = database.query<
    Pick<ImageRow, "id" | "manifestDigest"> & { layers: string; parent: Digest | null },
    []
  >("SELECT id, manifest_digest AS manifestDigest, layers, parent FROM images");
  const references = database.query<Omit<ReferenceRow, "target"> & { target: Digest | null }, []>(
    "SELECT reference, image_id AS imageId, tagged_at_ms AS taggedAtMs, target FROM image_references",
  );
  const deleteReference = database.query("DELETE FROM image_references WHERE reference = ?");
  const deleteImage = database.query("DELETE FROM images WHERE id = ?");
  return {
    images: () =>
      images.all().map(({ layers, parent, ...row }) => ({
        ...row,
        layers: JSON.parse(layers) as LayerRow[],
        ...(parent === null ? {} : { parent }),
      })),
    references: () => references.all().map(({ target, ...row }) => (target === null ? row : { ...row, target })),
    put(image, rows) {
      database.transaction(() => {
        putImage.run(image.id, image.manifestDigest, JSON.stringify(image.layers), image.parent ?? null);
        for (const row of rows) insertReference(row);
      })();
    },
    putReference: (row) => void insertReference(row),
    deleteReference: (reference) => void deleteReference.run(reference),
    deleteImage: (id) => void deleteImage.run(id),
  };
}
