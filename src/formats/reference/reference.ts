import { invalid } from "../../base/errors.ts";
import { type Digest, parseDigest } from "../oci/digest.ts";

/**
 * A normalised image reference: `domain/path[:tag][@digest]`. `domain` is never empty: names without one belong to docker.io, and
 * names of one component there to docker.io/library. @see distribution/reference grammar
 */
export interface Reference {
  domain: string;
  path: string;
  tag?: string;
  digest?: Digest;
}

const DEFAULT_DOMAIN = "docker.io";
const LEGACY_DEFAULT_DOMAIN = "index.docker.io";
const OFFICIAL_PREFIX = "library/";
const DEFAULT_TAG = "latest";
/** Characters of `domain/path`, as in the distribution grammar. */
export const MAX_NAME_LENGTH = 255;

const PATH_COMPONENT = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/;
const DOMAIN_COMPONENT = "(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])";
const DOMAIN = new RegExp(`^(?:${DOMAIN_COMPONENT}(?:\\.${DOMAIN_COMPONENT})*|\\[[a-fA-F0-9:]+\\])(?::[0-9]+)?$`);
const TAG = /^\w[\w.-]{0,127}$/;
const FULL_ID = /^[a-f0-9]{64}$/;

/** Whether a registry may have a repository of this name: lower-case components, none of them `.` or `..`. Any text may be asked. */
export function isRepositoryPath(text: string): boolean {
  return text.length <= MAX_NAME_LENGTH && text.split("/").every((component) => PATH_COMPONENT.test(component));
}

export function isTag(text: string): boolean {
  return TAG.test(text);
}

/** Parses what a user types (`ubuntu`, `host:5000/a/b:tag@sha256:…`). Throws invalid-argument with Docker's texts. */
export function parseReference(text: string): Reference {
  if (FULL_ID.test(text)) {
    throw invalid(`invalid repository name (${text}), cannot specify 64-byte hexadecimal strings`);
  }
  const { name, tag, digest } = splitSuffixes(text);
  const { domain, path } = splitDomain(name);
  if (path.toLowerCase() !== path) {
    throw invalid(`invalid reference format: repository name (${path}) must be lowercase`);
  }
  if (!DOMAIN.test(domain) || path.split("/").some((component) => !PATH_COMPONENT.test(component))) throw badFormat();
  if (tag !== undefined && !TAG.test(tag)) throw badFormat();
  if (domain.length + 1 + path.length > MAX_NAME_LENGTH) {
    throw invalid(`repository name must not be more than ${MAX_NAME_LENGTH} characters`);
  }
  return {
    domain,
    path,
    ...(tag !== undefined ? { tag } : {}),
    ...(digest !== undefined ? { digest: referenceDigest(digest) } : {}),
  };
}

/** The same, with `latest` where neither tag nor digest is given. */
export function parseTagged(text: string): Reference {
  return withDefaultTag(parseReference(text));
}

export function withDefaultTag(reference: Reference): Reference {
  return reference.tag === undefined && reference.digest === undefined ? { ...reference, tag: DEFAULT_TAG } : reference;
}

/** `busybox`, `user/app`, `host:5000/app`: the repository as users write and see it. */
export function familiarName({ domain, path }: Pick<Reference, "domain" | "path">): string {
  if (domain !== DEFAULT_DOMAIN) return `${domain}/${path}`;
  const short = path.startsWith(OFFICIAL_PREFIX) ? path.slice(OFFICIAL_PREFIX.length) : path;
  return short.includes("/") && path.startsWith(OFFICIAL_PREFIX) ? path : short;
}

/** `busybox:latest`, `busybox@sha256:…`: familiar name with what follows it. */
export function familiarReference(reference: Reference): string {
  return familiarName(reference) + suffix(reference);
}

/** `docker.io/library/busybox:latest`. */
export function canonicalReference(reference: Reference): string {
  return `${reference.domain}/${reference.path}${suffix(reference)}`;
}

function suffix({ tag, digest }: Reference): string {
  return (tag === undefined ? "" : `:${tag}`) + (digest === undefined ? "" : `@${digest}`);
}

function splitSuffixes(text: string): { name: string; tag?: string; digest?: string } {
  const atSign = text.indexOf("@");
  const digest = atSign === -1 ? undefined : text.slice(atSign + 1);
  const rest = atSign === -1 ? text : text.slice(0, atSign);
  const colon = rest.lastIndexOf(":");
  const hasTag = colon > rest.lastIndexOf("/");
  const name = hasTag ? rest.slice(0, colon) : rest;
  if (name === "") throw badFormat();
  return {
    name,
    ...(hasTag ? { tag: rest.slice(colon + 1) } : {}),
    ...(digest !== undefined ? { digest } : {}),
  };
}

/** The first component is a domain if it could not be a repository: a dot, a colon, upper case, or `localhost`. */
function splitDomain(name: string): { domain: string; path: string } {
  const slash = name.indexOf("/");
  const first = slash === -1 ? "" : name.slice(0, slash);
  const isDomain = slash !== -1 && (/[.:]/.test(first) || first === "localhost" || first.toLowerCase() !== first);
  const domain = !isDomain || first === LEGACY_DEFAULT_DOMAIN ? DEFAULT_DOMAIN : first;
  const path = isDomain ? name.slice(slash + 1) : name;
  return { domain, path: domain === DEFAULT_DOMAIN && !path.includes("/") ? OFFICIAL_PREFIX + path : path };
}

function referenceDigest(text: string): Digest {
  try {
    return parseDigest(text);
  } catch (cause) {
    throw invalid("invalid reference format", { cause });
  }
}

function badFormat() {
  return invalid("invalid reference format");
}
