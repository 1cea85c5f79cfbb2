/**
 * Name of a place where files are made: a layer (its chainID), a build context, a file from the web. Every inode was made in one
 * place; whoever has a name of it has the name from there, by hard links, over however many layers.
 */
export type LinkOrigin = string;

/** A directory of a layer or context, and where its files may have been made. */
export interface LinkedFiles {
  /** Absolute. */
  directory: string;
  origins: readonly LinkOrigin[];
}

/** Instead of a longer list: any place. Then more is looked at, and nothing is missed. */
const ANYWHERE: LinkOrigin = "*";
const MAX_ORIGINS = 64;

/** Where the files of a committed layer may have been made: in itself, and where those were made that it has hard links of. */
export function layerOrigins(layer: { chainId: LinkOrigin; linkedFrom: readonly LinkOrigin[] }): LinkOrigin[] {
  return [layer.chainId, ...layer.linkedFrom];
}

/**
 * Whether files of two directories may be names of the same inode. False is certain. This alone says where a build has to look before
 * it links: nowhere, for a context on an image from elsewhere, or a stage copied onto another base.
 */
export function mayShare(one: readonly LinkOrigin[], other: readonly LinkOrigin[]): boolean {
  if (one.length === 0 || other.length === 0) return false;
  if (one.includes(ANYWHERE) || other.includes(ANYWHERE)) return true;
  return one.some((origin) => other.includes(origin));
}

/** All of them, each once, in order: what a layer that was linked from several remembers. */
export function uniteOrigins(lists: Iterable<readonly LinkOrigin[]>): LinkOrigin[] {
  const all = new Set<LinkOrigin>();
  for (const list of lists) for (const origin of list) all.add(origin);
  return all.size > MAX_ORIGINS || all.has(ANYWHERE) ? [ANYWHERE] : [...all].sort();
}
