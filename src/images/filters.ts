import { invalid } from "../base/errors.ts";
import { globMatch } from "./glob.ts";
import type { Image } from "./images.ts";

const KNOWN = ["dangling", "label", "label!", "before", "since", "reference", "until"];

export interface FilterContext {
  /** Resolves `before` and `since`. */
  find: (reference: string) => Image;
  now: Date;
}

/** Docker's filters of `GET /images/json`. Names add up; throws invalid-argument for an unknown one or a bad value. */
export function filterImages(images: Image[], filters: Record<string, string[]>, context: FilterContext): Image[] {
  const unknown = Object.keys(filters).find((name) => !KNOWN.includes(name));
  if (unknown !== undefined) throw invalid(`invalid filter '${unknown}'`);
  const tests = [
    ...(filters.dangling ?? []).map((value) => danglingTest(value)),
    ...(filters.label ?? []).map((label) => (image: Image) => hasLabel(image, label)),
    ...(filters["label!"] ?? []).map((label) => (image: Image) => !hasLabel(image, label)),
    ...(filters.before ?? []).map((text) => createdBefore(context.find(text).config.createdAt)),
    ...(filters.since ?? []).map((text) => createdAfter(context.find(text).config.createdAt)),
    ...(filters.until ?? []).map((text) => createdBefore(parseMoment(text, context.now))),
  ];
  const kept = images.filter((image) => tests.every((test) => test(image)));
  const patterns = filters.reference ?? [];
  return patterns.length === 0 ? kept : kept.flatMap((image) => matchReferences(image, patterns) ?? []);
}

/** An image that lost its tag to a newer one still has a digest: it dangles, and yet it is not without a name. */
function danglingTest(value: string): (image: Image) => boolean {
  return parseDangling(value)
    ? (image) => image.repoTags.length === 0
    : (image) => image.repoTags.length > 0 || image.repoDigests.length > 0;
}

/** Throws invalid-argument. */
export function parseDangling(value: string): boolean {
  if (["true", "1", "t", "T", "TRUE", "True"].includes(value)) return true;
  if (["false", "0", "f", "F", "FALSE", "False"].includes(value)) return false;
  throw invalid(`invalid filter 'dangling=[${value}]'`);
}

/** `key` or `key=value`. */
export function hasLabel({ config: { labels } }: Image, label: string): boolean {
  const [key = "", value] = label.split(/=(.*)/s);
  return Object.hasOwn(labels, key) && (value === undefined || labels[key] === value);
}

function createdBefore(limit: Date | undefined): (image: Image) => boolean {
  return ({ config }) => (config.createdAt?.getTime() ?? 0) < (limit?.getTime() ?? 0);
}

function createdAfter(limit: Date | undefined): (image: Image) => boolean {
  return ({ config }) => (config.createdAt?.getTime() ?? 0) > (limit?.getTime() ?? 0);
}

/** Only the names that match are shown. undefined: none does. */
function matchReferences(image: Image, patterns: string[]): Image | undefined {
  const matches = (reference: string) =>
    patterns.some((pattern) => globMatch(pattern, reference) || globMatch(pattern, withoutSuffix(reference)));
  const repoTags = image.repoTags.filter(matches);
  const repoDigests = image.repoDigests.filter(matches);
  return repoTags.length + repoDigests.length === 0 ? undefined : { ...image, repoTags, repoDigests };
}

function withoutSuffix(reference: string): string {
  const name = reference.split("@")[0] as string;
  const colon = name.lastIndexOf(":");
  return colon > name.lastIndexOf("/") ? name.slice(0, colon) : name;
}

const UNITS_MS: Record<string, number> = { ns: 1e-6, us: 1e-3, µs: 1e-3, ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** A Go duration back from now (`24h`, `1h30m`), Unix seconds, or a date. */
export function parseMoment(text: string, now: Date): Date {
  if (/^(?:\d+(?:\.\d+)?(?:ns|us|µs|ms|s|m|h))+$/.test(text)) {
    let totalMs = 0;
    for (const [, number, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)/g)) {
      totalMs += Number(number) * (UNITS_MS[unit as string] as number);
    }
    return new Date(now.getTime() - totalMs);
  }
  const date = /^\d+(?:\.\d+)?$/.test(text) ? new Date(Number(text) * 1000) : new Date(text);
  if (Number.isNaN(date.getTime())) throw invalid(`failed to parse value as time or duration: ${JSON.stringify(text)}`);
  return date;
}
