import { isKind } from "../../../base/errors.ts";
import { MAX_CONFIG_BYTES, parseImageConfig } from "../../../formats/oci/config.ts";
import { parseManifestDocument } from "../../../formats/oci/manifest.ts";
import { isConfigType } from "../../../formats/oci/media-types.ts";
import type { Routes } from "../http/exchange.ts";
import { replyJson } from "../http/replies.ts";
import type { Storage } from "../storage/storage.ts";

const DEFAULT_RESULTS = 25;
const MAX_RESULTS = 100;
const MAX_DESCRIPTION_CHARACTERS = 500;
/** Which words a repository is described by, the first that is there. @see OCI image-spec annotations.md */
const DESCRIPTION_KEYS = ["org.opencontainers.image.description", "org.opencontainers.image.title"];

/** The search of an index of Docker: what `docker search localhost:5000/TERM` asks. @see Docker Registry API v1 "Search" */
export function searchRoutes({ storage }: { storage: Storage }): Routes {
  return {
    // docker probes this before it searches; a registry that says "standalone" is asked without Docker Hub's log-in.
    ping: {
      GET: () => replyJson(true, { "X-Docker-Registry-Version": "0.6.3", "X-Docker-Registry-Standalone": "true" }),
    },
    search: {
      async GET({ query }) {
        const term = (query.get("q") ?? "").toLowerCase();
        const size = countOf(query.get("n"), DEFAULT_RESULTS, MAX_RESULTS);
        const page = countOf(query.get("page"), 1, Number.MAX_SAFE_INTEGER);
        const names = (await storage.repositories()).filter((name) => name.includes(term));
        const shown = names.slice((page - 1) * size, page * size);
        return replyJson({
          num_pages: Math.ceil(names.length / size),
          num_results: names.length,
          page_size: size,
          page,
          query: query.get("q") ?? "",
          results: await Promise.all(shown.map((name) => resultOf(storage, name))),
        });
      },
    },
  };
}

function countOf(text: string | null, otherwise: number, limit: number): number {
  if (text === null || !/^\d{1,9}$/.test(text) || Number(text) === 0) return otherwise;
  return Math.min(Number(text), limit);
}

async function resultOf(storage: Storage, name: string) {
  const description = await describe(storage, name);
  return { name, description, star_count: 0, is_official: false, is_automated: false };
}

/** From the annotations of `latest` (else of the last tag), or the labels of its config. */
async function describe({ tags, manifests, links }: Storage, name: string): Promise<string> {
  const digest = tags.get(name, "latest") ?? tags.get(name, (await tags.list(name)).at(-1) ?? "latest");
  const manifest = digest === undefined ? undefined : manifests.get(name, digest);
  if (manifest === undefined) return "";
  const document = parseManifestDocument(manifest.bytes);
  const own = firstOf(document.annotations);
  if (own !== "" || document.kind === "index" || !isConfigType(document.config.mediaType)) return own;
  if (document.config.sizeBytes > MAX_CONFIG_BYTES) return "";
  const bytes = links.read({ repository: name, kind: "_blobs" }, document.config.digest);
  return bytes === undefined ? "" : firstOf(labelsOf(bytes));
}

function labelsOf(config: Uint8Array): Record<string, string> {
  try {
    return parseImageConfig(config).config.labels;
  } catch (error) {
    // Nobody promised that a config is an image's: then it has no labels.
    if (isKind(error, "invalid-argument")) return {};
    throw error;
  }
}

function firstOf(words: Record<string, string>): string {
  const text = DESCRIPTION_KEYS.map((key) => words[key]).find((value) => value !== undefined && value !== "") ?? "";
  return text.replace(/\s+/g, " ").slice(0, MAX_DESCRIPTION_CHARACTERS);
}
