import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { type Digest, digestOf } from "../../src/formats/oci/digest.ts";
import { encodeIndex } from "../../src/formats/oci/manifest.ts";
import { MEDIA_TYPES } from "../../src/formats/oci/media-types.ts";
import { parseReference } from "../../src/formats/reference/reference.ts";
import { encodeEnd, packFile } from "../../src/formats/tar/packer.ts";
import { archiveOf, configOf, type Fixture, load } from "../images/fixture.ts";

export const signal = new AbortController().signal;

/** A layer of one file that holds its own name. */
export function layer(name: string): Buffer {
  return Buffer.concat([packFile({ name, mode: 0o644 }, Buffer.from(name)), encodeEnd()]);
}

/** Loads an image of these layers. `created`: RFC 3339. */
export async function image(
  fixture: Fixture,
  name: string | undefined,
  layers: string[],
  extra: { created?: string; architecture?: string; config?: object } = {},
): Promise<Digest> {
  const files = Object.fromEntries(layers.map((one) => [`${one}.tar`, layer(one)]));
  const config = configOf(layers.map(layer), extra);
  const listing = [
    { Config: "c.json", RepoTags: name === undefined ? [] : [name], Layers: layers.map((one) => `${one}.tar`) },
  ];
  await load(fixture.images, archiveOf({ "c.json": config, ...files, "manifest.json": JSON.stringify(listing) }));
  return digestOf(config);
}

/** Records that one image was made of another, as a commit does. */
export async function descend({ images, content }: Fixture, child: Digest, parent: Digest): Promise<void> {
  const entry = images.library.get(child);
  if (entry === undefined) throw new Error(`no image ${child}`);
  const references = images.library.referencesOf(child);
  images.library.remove(child);
  await images.store.install({ row: { ...entry.row, parent }, references, signal });
  if (!content.has(child)) throw new Error("the config went");
}

/** Gives `name` to an index of these images, as a pull of several platforms does; it resolves to the first. */
export async function indexed({ images, content }: Fixture, name: string, ids: Digest[]): Promise<Digest> {
  const rows = ids.map((id) => images.library.find(id).row);
  const descriptors = rows.map(({ manifestDigest }) => ({
    mediaType: MEDIA_TYPES.ociManifest,
    digest: manifestDigest,
    sizeBytes: content.stat(manifestDigest)?.sizeBytes ?? 0,
  }));
  const { digest: target } = await content.put(encodeIndex(descriptors));
  const row = rows[0];
  if (row === undefined) throw new Error("an index of nothing");
  await images.store.install({ row, references: [parseReference(name)], target, signal });
  return target;
}

/** Bytes of the regular files below a directory. */
export function fileBytes(directory: string): number {
  return readdirSync(directory, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .reduce((total, { parentPath, name }) => total + statSync(join(parentPath, name)).size, 0);
}
