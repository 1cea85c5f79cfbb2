import type { Clock } from "../../../base/clock.ts";
import type { Logger } from "../../../base/logger.ts";
import { countBlobs, hasManifest, listRepositories } from "./catalog.ts";
import { createIndexKeeper } from "./index-keeper.ts";
import { createLayout, type Layout } from "./layout.ts";
import { prepareLayout, writeLayoutIndex } from "./layout-index.ts";
import { createLinks, type Links } from "./links.ts";
import { createManifests, type Manifests } from "./manifests.ts";
import { createReferrers, type Referrers } from "./referrers.ts";
import { createTags, type Tags } from "./tags.ts";
import { createUploads, type TryLock, type Uploads } from "./uploads.ts";

/**
 * Everything that the registry knows, below one directory. Nothing is kept in memory that another process could make untrue: any
 * number of processes may have one directory open. README.md shows the directory.
 */
export interface Storage {
  layout: Layout;
  links: Links;
  manifests: Manifests;
  tags: Tags;
  referrers: Referrers;
  uploads: Uploads;
  lock: TryLock;
  repositories(): Promise<string[]>;
  exists(repository: string): Promise<boolean>;
  countBlobs(): Promise<number>;
  /** Has index.json written anew: a server that was killed may not have come to it. */
  refreshIndex(): void;
  close(): Promise<void>;
}

export interface StorageOptions {
  root: string;
  readOnly: boolean;
}

/** A use of a blob is marked unless that was done less than this ago. */
const TOUCH_AFTER_MS = 15_000;

/**
 * The least that a collector beside servers may spare: a blob's use was marked at most `TOUCH_AFTER_MS` before it, and the request
 * that relies on it, a push of one manifest, ends within the rest.
 */
export const LEAST_GRACE_MS = 60_000;

export async function openStorage(
  options: StorageOptions,
  deps: { lock: TryLock; clock: Clock; logger: Logger },
): Promise<Storage> {
  const { readOnly } = options;
  const layout = createLayout(options.root);
  if (!readOnly) await prepareLayout(layout);
  const links = createLinks(layout, { clock: deps.clock, touchAfterMs: TOUCH_AFTER_MS, readOnly });
  const referrers = createReferrers(layout);
  const manifests = createManifests({ layout, links, referrers });
  const tags = createTags(layout);
  const write = () => writeLayoutIndex({ layout, tags, manifests });
  const index = createIndexKeeper({ write, clock: deps.clock, logger: deps.logger });
  const noted = notingChanges(tags, () => index.changed());
  return {
    layout,
    links,
    manifests,
    referrers,
    tags: noted,
    uploads: createUploads({ layout, links, lock: deps.lock, clock: deps.clock }),
    lock: deps.lock,
    repositories: () => listRepositories(layout),
    exists: (repository) => hasManifest(layout, repository),
    countBlobs: () => countBlobs(layout),
    refreshIndex: () => index.changed(),
    close: () => index.close(),
  };
}

function notingChanges(tags: Tags, changed: () => void): Tags {
  return {
    ...tags,
    async set(repository, tag, digest) {
      await tags.set(repository, tag, digest);
      changed();
    },
    async remove(repository, tag) {
      const removed = await tags.remove(repository, tag);
      if (removed) changed();
      return removed;
    },
  };
}
