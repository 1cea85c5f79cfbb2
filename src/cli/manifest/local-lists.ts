import { canonicalReference, familiarReference, parseTagged } from "../../formats/reference/reference.ts";
import { type CliContext, ExitError } from "../command.ts";
import type { ImageManifest } from "./image-manifest.ts";
import { isOciManifest, type ManifestDescriptor } from "./remote-manifest.ts";

const OCI_INDEX = "application/vnd.oci.image.index.v1+json";
const DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json";

/** Behind the name of a file that is not written to its end; no tag ends so: `~` is not in its alphabet. */
const UNFINISHED = "~";

/**
 * Lists of manifests that are put together here before they are pushed: a directory for each, a file for each image, where and as
 * Docker's client keeps them, so that either can go on where the other stopped. Names of lists and images are references.
 */
export interface LocalLists {
  /** Sorted by file name; [] where there is no such list. */
  get(list: string): Promise<ImageManifest[]>;
  /** Throws in Docker's words where the list has no such image. */
  image(list: string, image: string): Promise<ImageManifest>;
  put(list: string, image: string, manifest: ImageManifest): Promise<void>;
  /** Throws where there is no such list. */
  remove(list: string): Promise<void>;
}

export function openLocalLists({ configDir }: Pick<CliContext, "configDir">): LocalLists {
  const directory = (list: string) => `${configDir}/manifests/${fileName(list)}`;
  const read = (path: string) => Bun.file(path).json() as Promise<ImageManifest>;
  const get = async (list: string): Promise<ImageManifest[]> => {
    const { readdir } = await import("node:fs/promises");
    const names = await readdir(directory(list)).catch(onlyIfMissing<string[]>([]));
    const complete = names.filter((name) => !name.endsWith(UNFINISHED)).toSorted();
    return Promise.all(complete.map((name) => read(`${directory(list)}/${name}`)));
  };
  return {
    get,
    async image(list, image) {
      const path = `${directory(list)}/${fileName(image)}`;
      if (await Bun.file(path).exists()) return read(path);
      if ((await get(list)).length === 0) throw missingList(list);
      throw new ExitError(1, `manifest for image ${familiar(image)} does not exist in ${familiar(list)}`);
    },
    async put(list, image, manifest) {
      const { mkdir, rename } = await import("node:fs/promises");
      await mkdir(directory(list), { recursive: true });
      const path = `${directory(list)}/${fileName(image)}`;
      await Bun.write(path + UNFINISHED, JSON.stringify(manifest));
      await rename(path + UNFINISHED, path);
    },
    async remove(list) {
      const { rm } = await import("node:fs/promises");
      await rm(directory(list), { recursive: true }).catch((error: { code?: string }) => {
        throw error.code === "ENOENT" ? missingList(list) : error;
      });
    },
  };
}

export function missingList(list: string): ExitError {
  return new ExitError(1, `No such manifest: ${familiar(list)}`);
}

/** The document that a list is pushed as: OCI's where all its images are, Docker's otherwise. Pure. */
export function indexOf(images: readonly ImageManifest[]): {
  schemaVersion: 2;
  mediaType: string;
  manifests: ManifestDescriptor[];
} {
  const oci = images.every(({ Descriptor }) => isOciManifest(Descriptor.mediaType));
  return {
    schemaVersion: 2,
    mediaType: oci ? OCI_INDEX : DOCKER_LIST,
    manifests: images.map(({ Descriptor: { mediaType, size, digest, platform } }) => ({
      mediaType,
      size,
      digest,
      ...(platform === undefined ? {} : { platform }),
    })),
  };
}

/** Docker's own: `docker.io_library_a-1`. A reference has no other characters that a file name cannot have. */
function fileName(reference: string): string {
  return canonicalReference(parseTagged(reference)).replaceAll(":", "-").replaceAll("/", "_");
}

function familiar(reference: string): string {
  return familiarReference(parseTagged(reference));
}

function onlyIfMissing<T>(value: T): (error: { code?: string }) => T {
  return (error) => {
    if (error.code === "ENOENT") return value;
    throw error as Error;
  };
}
