import { invalid, isKind } from "../../base/errors.ts";
import { isObject, parseDocument, stringArray } from "../../formats/oci/json.ts";
import type { Credentials } from "./credentials.ts";
import type { Endpoint } from "./endpoint.ts";
import { readBody } from "./http.ts";
import type { Connection } from "./repository.ts";
import { ask } from "./session.ts";

export interface FoundRepository {
  name: string;
  description: string;
  starCount: number;
  isOfficial: boolean;
  isAutomated: boolean;
}

interface SearchRequest {
  domain: string;
  term: string;
  limit: number;
  credentials: Credentials | undefined;
  signal: AbortSignal;
}

const DOCKER_HUB = "docker.io";
/** The host that searches for Docker Hub; its registry does not. */
const DOCKER_HUB_INDEX = "https://index.docker.io/v1";
const MAX_ANSWER_BYTES = 8 << 20;
const MAX_RESULTS = 10_000;
/** Pages of a catalogue that are looked through, and names on each. */
const MAX_PAGES = 100;
const PAGE_NAMES = 1000;

/** @see docker docs, Docker Hub API "search": `GET /v1/search?q=&n=` */
export function search({ deps, servers }: Connection, request: SearchRequest): Promise<FoundRepository[]> {
  const { domain, term, limit, credentials, signal } = request;
  const get = async (endpoint: Endpoint, path: string, scope: string) => {
    const where = { method: "GET", url: endpoint.base + path, timeouts: deps.timeouts, signal };
    const response = await ask(deps, endpoint, { method: "GET", path, scope, credentials, signal });
    return { bytes: await readBody(where, response, MAX_ANSWER_BYTES), response };
  };
  return servers.try(domain, { capability: "resolve" }, async (endpoint) => {
    const query = `/search?q=${encodeURIComponent(term)}&n=${limit}`;
    const isHub = domain === DOCKER_HUB && endpoint.isOrigin;
    const base = isHub ? DOCKER_HUB_INDEX : endpoint.base.replace(/\/v2$/, "/v1");
    try {
      const { bytes } = await get({ ...endpoint, base }, query, "");
      return parseResults(bytes).slice(0, limit);
    } catch (error) {
      if (isHub || !isKind(error, "not-found")) throw error;
      return searchCatalogue((path) => get(endpoint, path, "registry:catalog:*"), term, limit);
    }
  });
}

/** For registries that only list: names that contain the term. */
async function searchCatalogue(
  get: (path: string) => Promise<{ bytes: Uint8Array; response: Response }>,
  term: string,
  limit: number,
): Promise<FoundRepository[]> {
  const found: FoundRepository[] = [];
  let last = "";
  for (let page = 0; page < MAX_PAGES && found.length < limit; page++) {
    const { bytes, response } = await get(`/_catalog?n=${PAGE_NAMES}&last=${encodeURIComponent(last)}`);
    const catalogue = parseDocument(bytes, MAX_ANSWER_BYTES, "catalogue");
    const names = stringArray(catalogue, "repositories", "catalogue", MAX_RESULTS) ?? [];
    for (const name of names) if (name.includes(term.toLowerCase())) found.push(plain(name));
    last = names.at(-1) ?? "";
    if (last === "" || !/rel="?next"?/.test(response.headers.get("link") ?? "")) break;
  }
  return found.slice(0, limit);
}

function plain(name: string): FoundRepository {
  return { name, description: "", starCount: 0, isOfficial: false, isAutomated: false };
}

function parseResults(bytes: Uint8Array): FoundRepository[] {
  const { results = [] } = parseDocument(bytes, MAX_ANSWER_BYTES, "search result");
  if (!Array.isArray(results) || results.length > MAX_RESULTS) throw invalid("search result: not a list");
  return results.filter(isObject).map((one) => ({
    name: typeof one.name === "string" ? one.name : "",
    description: typeof one.description === "string" ? one.description : "",
    starCount: typeof one.star_count === "number" ? one.star_count : 0,
    isOfficial: one.is_official === true,
    isAutomated: one.is_automated === true,
  }));
}
