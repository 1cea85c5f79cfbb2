import { conflict } from "../base/errors.ts";
import { shortId } from "../base/ids.ts";
import type { Digest } from "../formats/oci/digest.ts";
import { familiarName, familiarReference, type Reference } from "../formats/reference/reference.ts";

/** What decides a removal. */
export interface RemovalFacts {
  id: Digest;
  /** The reference that was asked for; undefined when the image was named by its ID. */
  asked: Reference | undefined;
  /** As the client wrote it. */
  askedText: string;
  references: Reference[];
  users: { id: string; running: boolean }[];
  /** Other images were made of it. */
  hasChildren: boolean;
  force: boolean;
}

/** What is to be done, in order: names first, then perhaps the image. */
export interface RemovalPlan {
  untag: Reference[];
  deleteImage: boolean;
}

/** Docker's rules. Throws conflict with Docker's texts. Pure. */
export function planRemoval(facts: RemovalFacts): RemovalPlan {
  return facts.asked === undefined ? planById(facts) : planByName(facts, facts.asked);
}

/** A name goes even if the image must stay, unless that would leave a container with an image that has no name. */
function planByName(facts: RemovalFacts, asked: Reference): RemovalPlan {
  const { id, references, users, force, askedText } = facts;
  const [user] = users;
  if (!force && isSingle(references) && user !== undefined) {
    throw conflict(
      `conflict: unable to remove repository reference ${JSON.stringify(askedText)} (must force) - ` +
        `container ${shortId(user.id)} is using its referenced image ${shortId(hex(id))}`,
    );
  }
  const untag = [asked, ...strandedDigests(references, asked)];
  const remaining = references.filter((reference) => !untag.some((gone) => same(gone, reference)));
  if (remaining.length > 0) return { untag, deleteImage: false };
  const blocked = blockedBy({ ...facts, references: [] }) !== undefined;
  return { untag, deleteImage: !blocked };
}

/** An ID removes the only name of the image with it; several names need force. */
function planById(facts: RemovalFacts): RemovalPlan {
  const single = isSingle(facts.references);
  const text = blockedBy(single ? { ...facts, references: [] } : facts);
  if (text !== undefined) throw conflict(`conflict: unable to delete ${shortId(hex(facts.id))} ${text}`);
  return { untag: facts.references, deleteImage: true };
}

/** Why an image must stay; undefined: it may go. The first reason that holds, as Docker looks for them. */
export function blockedBy({
  users,
  references,
  hasChildren,
  force,
}: Pick<RemovalFacts, "users" | "references" | "hasChildren" | "force">): string | undefined {
  if (hasChildren) return "(cannot be forced) - image has dependent child images";
  const running = users.find((user) => user.running);
  if (running !== undefined) {
    return `(cannot be forced) - image is being used by running container ${shortId(running.id)}`;
  }
  if (force) return undefined;
  if (references.length > 0) return "(must be forced) - image is referenced in multiple repositories";
  const [stopped] = users;
  if (stopped === undefined) return undefined;
  return `(must be forced) - image is being used by stopped container ${shortId(stopped.id)}`;
}

/** Digests of a repository go with its last tag. */
function strandedDigests(references: Reference[], asked: Reference): Reference[] {
  if (asked.digest !== undefined) return [];
  const sameRepository = references.filter((reference) => familiarName(reference) === familiarName(asked));
  const otherTag = sameRepository.some((reference) => reference.digest === undefined && !same(reference, asked));
  return otherTag ? [] : sameRepository.filter((reference) => reference.digest !== undefined);
}

/** At most one tag, and no digest of another repository. */
function isSingle(references: Reference[]): boolean {
  const tags = references.filter((reference) => reference.digest === undefined);
  const repositories = new Set(references.map((reference) => familiarName(reference)));
  return tags.length <= 1 && repositories.size <= 1;
}

function same(left: Reference, right: Reference): boolean {
  return familiarReference(left) === familiarReference(right);
}

function hex(id: Digest): string {
  return id.slice(id.indexOf(":") + 1);
}
