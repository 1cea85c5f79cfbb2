import type { Clock } from "../base/clock.ts";
import { invalid, messageOf } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import type { Digest } from "../formats/oci/digest.ts";
import { parsePlatformSpecifier } from "../formats/oci/platform.ts";
import { familiarReference, parseReference, withDefaultTag } from "../formats/reference/reference.ts";
import type { Content } from "../storage/content/content.ts";
import type { ImageRecords, ImageRow } from "../storage/records/images.ts";
import { copyUp } from "../storage/snapshots/copy-up/copy-up.ts";
import type { Snapshots } from "../storage/snapshots/snapshots.ts";
import { createUnpacker } from "../storage/snapshots/unpack/unpack.ts";
import { type CommitImage, commitImage } from "./commit/commit.ts";
import { filterImages } from "./filters.ts";
import { imageHistory } from "./history.ts";
import type { Images, ImportOptions } from "./images.ts";
import { fetchSource } from "./import/fetch-source.ts";
import { importArchive } from "./import/import.ts";
import { type Entry, Library } from "./library.ts";
import { loadArchive } from "./load/load.ts";
import { isLost } from "./lost-images.ts";
import { pruneImages } from "./prune.ts";
import type { UnfinishedPulls } from "./pull/unfinished-pulls.ts";
import { type RemovalDeps, removeImage, variantFor } from "./removal.ts";
import { saveArchive } from "./save/save.ts";
import { createImageStore, type ImageStore } from "./store.ts";
import { imagesUsage } from "./usage.ts";

export interface ImagesDeps {
  content: Content;
  snapshots: Snapshots;
  records: ImageRecords;
  /** Containers that stand on an image. */
  usedBy: (imageId: string) => { id: string; running: boolean }[];
  publish: (event: { type: "image"; action: string; actorId: string; attributes: Record<string, string> }) => void;
  clock: Clock;
  logger: Logger;
  /** Digests and chainIDs that others need; see `ImageStore.collect`. */
  roots?: () => Iterable<string>;
  /** ChainIDs of layers that only the build cache has. */
  cachedLayers?: () => ReadonlySet<string>;
  /** What broken pulls have left for their next attempt. */
  unfinished?: Pick<UnfinishedPulls, "keys" | "forget">;
  /** Ends the daemon where a test wants it. */
  failpoint?: (name: string) => void;
}

/** The service, with the parts of it that registry, builder and engine build on. */
export type ImagesService = Images & {
  store: ImageStore;
  library: Library;
  /** Nobody stands on the image any more: if it was removed meanwhile, its layers go, too. In the background. */
  release(imageId: string): void;
  /** An image of a container's files. `reference`: familiar, "" where it got no name. */
  commit(request: CommitImage): Promise<{ id: string; reference: string }>;
  /** Initialises an empty directory from what an active snapshot's image holds at `path`. Nothing there: nothing. */
  copyUp(key: string, path: string, destination: string): Promise<void>;
};

interface Service extends ImagesDeps {
  library: Library;
  store: ImageStore;
}

/** Reads the records and removes what a crash left behind: nothing refers to it. */
export async function createImages(deps: ImagesDeps): Promise<ImagesService> {
  const { content, snapshots, records, clock, logger } = deps;
  const library = new Library({ records, content, snapshots, now: () => clock.now() });
  const store = createImageStore({
    content,
    snapshots,
    library,
    logger,
    unpacker: createUnpacker(),
    roots: () => [...(deps.roots?.() ?? []), ...(deps.unfinished?.keys() ?? [])],
    failpoint: deps.failpoint ?? (() => {}),
  });
  const restore = async (row: ImageRow) => {
    logger.warn("layers of an image are made anew: the machine ended before they were durable", { id: row.id });
    await store.restore(row);
  };
  await library.open(restore, (id, error) => logger.error("an image cannot be used", { id, error: messageOf(error) }));
  for (const row of library.damaged().filter((damaged) => isLost(damaged, deps))) {
    const names = library.referencesOf(row.id).map(familiarReference);
    logger.warn("an image is lost: the machine ended before its layers were durable; build it again", {
      id: row.id,
      names: names.join(", "),
    });
    library.remove(row.id);
  }
  await store.collect();
  const service: Service = { ...deps, library, store };
  let collecting: Promise<void> | undefined;
  return {
    release(imageId) {
      if (library.get(imageId as Digest) !== undefined || collecting !== undefined) return;
      // In the next turn: whoever is removing many containers is done with those at hand.
      collecting = clock
        .sleep(0)
        .then(() => {
          collecting = undefined;
          return store.collect();
        })
        .catch((error: unknown) => logger.error("removing layers that nobody uses", { error: messageOf(error) }));
    },
    library,
    store,
    copyUp: async (key, path, destination) => {
      await copyUp(snapshots.imageView(key), path, destination);
    },
    get: async (reference, options) => findVariant(library, reference, options?.platform).view,
    list: async (options) => list(service, options),
    history: async (reference, options) => imageHistory(findVariant(library, reference, options?.platform)),
    tag: (reference, target) => tag(service, reference, target),
    remove: (reference, { platforms, ...options }) =>
      removeImage(removalDeps(service), reference, {
        ...options,
        ...(platforms === undefined ? {} : { platforms: platforms.map(parsePlatformSpecifier) }),
      }),
    prune: async (filters) => {
      const pruned = await pruneImages(
        { ...removalDeps(service), content, unfinished: deps.unfinished, now: clock.now() },
        filters,
      );
      const attributes = { reclaimed: String(pruned.reclaimedBytes) };
      deps.publish({ type: "image", action: "prune", actorId: "", attributes });
      return pruned;
    },
    usage: async () => imagesUsage(service, (entry) => isShown(library, entry)),
    load: (archive, options) => load(service, archive, options),
    save: async (references, { platforms, signal }) =>
      saveArchive({ content, library, store }, references, {
        platforms: platforms?.map(parsePlatformSpecifier),
        signal,
      }),
    import: (archive, options) => importImage(service, archive, options),
    importFrom: async (url, { report, ...options }) => {
      const archive = await fetchSource(url, { report, signal: options.signal });
      return importImage(service, archive, { ...options, source: url });
    },
    commit: (request) => commit(service, request),
  };
}

function findVariant(library: Library, reference: string, platform: string | undefined): Entry {
  if (platform === undefined) return library.find(reference);
  return variantFor(library.variants(reference), parsePlatformSpecifier(platform), reference);
}

function removalDeps(service: Service): RemovalDeps {
  const { library, store, content, snapshots, usedBy } = service;
  return {
    library,
    store,
    content,
    snapshots,
    usedBy,
    publish: (action, entry, name) => publish(service, action, entry, name),
    failpoint: service.failpoint ?? (() => {}),
  };
}

/** Images in between, and those of a name's other platforms, are shown with `all` only. */
function isShown(library: Library, entry: Entry): boolean {
  const { row, view } = entry;
  return (
    view.repoTags.length + view.repoDigests.length > 0 || !(library.hasChildren(row.id) || library.isVariant(entry))
  );
}

function list({ library, clock }: Service, { all, filters }: Parameters<Images["list"]>[0]) {
  const images = library
    .entries()
    .filter((entry) => all || isShown(library, entry))
    .map(({ view }) => view);
  const created = (image: (typeof images)[number]) => image.config.createdAt?.getTime() ?? 0;
  return filterImages(images, filters, { find: (text) => library.find(text).view, now: clock.now() }).sort(
    (left, right) => created(right) - created(left) || left.id.localeCompare(right.id),
  );
}

async function tag(service: Service, reference: string, target: string): Promise<void> {
  const entry = service.library.find(reference);
  const parsed = parseReference(target);
  if (parsed.digest !== undefined) throw invalid("refusing to create a tag with a digest reference");
  const wanted = withDefaultTag(parsed);
  service.library.tag(entry.row.id, wanted, service.library.indexOf(reference));
  publish(service, "tag", entry, familiarReference(wanted));
  await service.store.writeIndex();
}

async function load(service: Service, archive: AsyncIterable<Uint8Array>, options: Parameters<Images["load"]>[1]) {
  const { content, store, library } = service;
  const holders = new Map(
    library
      .entries()
      .flatMap(({ row }) => library.referencesOf(row.id).map((name) => [familiarReference(name), row.id])),
  );
  const platforms = options.platforms?.map(parsePlatformSpecifier);
  try {
    const loaded = await loadArchive({ content, store, library }, archive, { ...options, platforms });
    for (const { entry, references } of loaded) {
      for (const reference of references) {
        const name = familiarReference(reference);
        const before = holders.get(name);
        if (before !== undefined && before !== entry.row.id) {
          options.report({
            stream: `The image ${name} already exists, renaming the old one with ID ${before} to empty string\n`,
          });
        }
        options.report({ stream: `Loaded image: ${name}\n` });
      }
      if (references.length === 0) options.report({ stream: `Loaded image ID: ${entry.row.id}\n` });
      publish(service, "load", entry, entry.row.id);
    }
    await store.writeIndex();
    // Images of other platforms were left out; their layers are nobody's.
    if (platforms !== undefined) await store.collect();
  } catch (error) {
    await store.collect();
    throw error;
  }
}

async function importImage(service: Service, archive: AsyncIterable<Uint8Array>, options: ImportOptions) {
  const { content, store, clock } = service;
  try {
    const entry = await importArchive({ content, store, now: clock.now() }, archive, options);
    publish(service, "import", entry, entry.row.id);
    await store.writeIndex();
    return entry.row.id;
  } catch (error) {
    await store.collect();
    throw error;
  }
}

async function commit(service: Service, request: CommitImage): Promise<{ id: string; reference: string }> {
  const { store, clock } = service;
  try {
    const { entry, reference } = await commitImage({ ...service, now: clock.now() }, request);
    if (reference !== "") publish(service, "tag", entry, reference);
    await store.writeIndex();
    return { id: entry.row.id, reference };
  } catch (error) {
    await store.collect();
    throw error;
  }
}

/** Docker's attributes of an image event: its labels and a name. */
function publish(service: Service, action: string, { row, document }: Entry, name: string): void {
  service.publish({ type: "image", action, actorId: row.id, attributes: { ...document.config.labels, name } });
}
