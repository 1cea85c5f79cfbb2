import { EngineError, invalid } from "../base/errors.ts";
import type { Method, Route } from "./route.ts";
import { MAX_API_MINOR, parseApiVersion } from "./version.ts";

/** Segments of the longest path that is looked at. */
const MAX_SEGMENTS = 64;

/** These parameters may hold slashes: names of images and volumes, and of plugins. */
const GREEDY = ["/images/", "/distribution/", "/gantry/manifests/", "/plugins/", "/volumes/", "/{any}"];

interface Pattern {
  route: Route;
  /** Text, or undefined for the parameter. */
  segments: (string | undefined)[];
  parameter: { name: string; at: number; greedy: boolean } | undefined;
}

export interface Match {
  route: Route;
  params: Record<string, string>;
  path: string;
  version: number;
}

/** Finds the route of a request. Throws EngineError in Docker's words. */
export interface Router {
  match(method: string, rawPath: string): Match;
}

export function createRouter(routes: readonly Route[]): Router {
  const byKey = new Map<string, Pattern[]>();
  for (const one of routes) {
    const pattern = compile(one);
    const key = `${one.method} ${pattern.segments[0] ?? ""}`;
    const list = byKey.get(key) ?? [];
    byKey.set(key, list);
    list.push(pattern);
  }
  // A fixed path wins over one with a parameter: `/images/json` is no image's name.
  for (const list of byKey.values()) list.sort((a, b) => (a.parameter ? 1 : 0) - (b.parameter ? 1 : 0));

  return {
    match(method, rawPath) {
      const { segments, version } = split(rawPath);
      for (const pattern of byKey.get(`${method} ${segments[0] ?? ""}`) ?? byKey.get(`${method} `) ?? []) {
        const params = matchPattern(pattern, segments);
        if (params === undefined) continue;
        const path = `/${segments.join("/")}`;
        requireVersion(pattern.route, version, method, path);
        return { route: pattern.route, params, path, version };
      }
      throw pageNotFound();
    },
  };
}

export function pageNotFound(): EngineError {
  return new EngineError("not-found", "page not found");
}

function compile(one: Route): Pattern {
  const segments = one.path.split("/").filter(Boolean);
  const at = segments.findIndex((segment) => segment.startsWith("{"));
  const name = segments[at]?.slice(1, -1);
  return {
    route: one,
    segments: segments.map((segment) => (segment.startsWith("{") ? undefined : segment)),
    parameter:
      name === undefined ? undefined : { name, at, greedy: GREEDY.some((prefix) => one.path.startsWith(prefix)) },
  };
}

/** The path's segments, percent-decoded one by one: an encoded slash never makes a segment of its own. */
function split(rawPath: string): { segments: string[]; version: number } {
  const raw = rawPath.split("/").filter(Boolean);
  if (raw.length > MAX_SEGMENTS) throw pageNotFound();
  const prefix = /^v([0-9.]+)$/.exec(raw[0] ?? "");
  const version = prefix === null ? MAX_API_MINOR : parseApiVersion(prefix[1] ?? "");
  const segments = (prefix === null ? raw : raw.slice(1)).map(decode);
  if (segments.some((segment) => segment === "." || segment === "..")) throw pageNotFound();
  return { segments, version };
}

function decode(segment: string): string {
  let text: string;
  try {
    text = decodeURIComponent(segment);
  } catch (error) {
    throw invalid("invalid URL escape in the path", { cause: error });
  }
  if (Array.from(text).some(isControl)) throw invalid("control characters in the path");
  return text;
}

function isControl(character: string): boolean {
  return character < " " || character === "\x7f";
}

function matchPattern({ segments, parameter }: Pattern, actual: string[]): Record<string, string> | undefined {
  if (parameter === undefined) {
    return segments.length === actual.length && segments.every((one, index) => one === actual[index]) ? {} : undefined;
  }
  const { name, at, greedy } = parameter;
  const tail = segments.length - at - 1;
  const taken = actual.length - segments.length + 1;
  if (taken < 1 || (taken > 1 && !greedy)) return undefined;
  const fits = segments.every((one, index) => {
    if (index === at) return true;
    return one === undefined || one === actual[index < at ? index : index + taken - 1];
  });
  if (!fits) return undefined;
  const params: Record<string, string> = { [name]: actual.slice(at, at + taken).join("/") };
  if (tail > 0) collectLater(segments, actual.slice(taken - 1), params, at);
  return params;
}

/** A second parameter (`/checkpoints/{checkpoint}`) is never acted upon; it only has to match. */
function collectLater(
  segments: (string | undefined)[],
  actual: string[],
  params: Record<string, string>,
  after: number,
): void {
  for (let index = after + 1; index < segments.length; index++) {
    if (segments[index] === undefined) params[`_${index}`] = actual[index] ?? "";
  }
}

function requireVersion(route: Route, version: number, method: string, path: string): void {
  if (version >= route.since) return;
  throw invalid(`${method} ${path} requires minimum API version 1.${route.since}`);
}

export function isMethod(text: string): text is Method {
  return ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"].includes(text);
}
