import { EngineError, invalid } from "../../base/errors.ts";
import type { Distribution, RegistryCredentials, TransferOptions } from "../../images/distribution.ts";
import { filters } from "../filters.ts";
import { encodeDistributionInspect, encodeSearchResult } from "../images/encode-remote.ts";
import { imageTarget } from "../images/image-target.ts";
import { platform } from "../platform-query.ts";
import { progressReply } from "../progress.ts";
import { integer } from "../query.ts";
import { AUTH_HEADER, accountOf, decodeAuthConfig, decodeRegistryAuth } from "../registry-auth.ts";
import { type ApiRequest, type Reply, type Route, route } from "../route.ts";
import { manifestOptions, manifestRoutes } from "./manifests.ts";

/** Docker Hub's own bounds. */
const DEFAULT_SEARCH_LIMIT = 25;
const MAX_SEARCH_LIMIT = 100;
/** What Docker calls its registry wherever credentials are kept. */
const HUB = "https://index.docker.io/v1/";

/** Images between this engine and registries; pull is a kind of `POST /images/create`. */
export function distributionRoutes(distribution: Distribution): Route[] {
  return [
    route("POST", "/images/{name}/push", async (request) => {
      const { params, query, signal } = request;
      const { repository, tag, digest } = imageTarget(params.name, query.get("tag") ?? "");
      if (digest !== undefined) throw invalid("cannot push a digest reference");
      const credentials = await pushCredentials(request);
      return progressReply((report) =>
        distribution.push(repository, { ...transfer(request, credentials), tag: tag ?? "", report, signal }),
      );
    }),
    route("GET", "/images/search", async (request) => {
      const { query, signal } = request;
      const term = query.get("term") ?? "";
      const found = await distribution.search(term, {
        limit: searchLimit(query),
        filters: filters(query, "imagesSearch"),
        ...account(accountOf(request)),
        signal,
      });
      return { status: 200, body: found.map(encodeSearchResult) };
    }),
    route(
      "GET",
      "/distribution/{name}/json",
      async (request) => {
        const found = await distribution.inspect(request.params.name, manifestOptions(request));
        return { status: 200, body: encodeDistributionInspect(found) };
      },
      30,
    ),
    route("POST", "/auth", async (request) => {
      const credentials = decodeAuthConfig(await request.json()) ?? ANONYMOUS;
      const { status, identityToken } = await distribution.login(
        { ...credentials, serverAddress: credentials.serverAddress || HUB },
        request.signal,
      );
      return { status: 200, body: { Status: status, IdentityToken: identityToken } };
    }),
    ...manifestRoutes(distribution),
  ];
}

const ANONYMOUS: RegistryCredentials = {
  username: "",
  password: "",
  serverAddress: "",
  identityToken: "",
  registryToken: "",
};

/** The answer of a `POST /images/create` that names an image to fetch. */
export function pullReply(distribution: Distribution, request: ApiRequest<unknown>): Promise<Reply> {
  const { query, signal } = request;
  const { reference, repository, tag, digest } = imageTarget(query.get("fromImage") ?? "", query.get("tag") ?? "");
  if (repository === "scratch") throw new EngineError("forbidden", "'scratch' is a reserved name");
  const allTags = tag === undefined && digest === undefined;
  const options = transfer(request, accountOf(request));
  return progressReply((report) => distribution.pull(reference, { ...options, allTags, report, signal }));
}

function transfer(
  request: Pick<ApiRequest, "query" | "metaHeaders">,
  credentials: RegistryCredentials | undefined,
): Pick<TransferOptions, "platform" | "credentials" | "metaHeaders"> {
  const meta = request.metaHeaders();
  return {
    ...platform(request.query),
    ...account(credentials),
    ...(Object.keys(meta).length === 0 ? {} : { metaHeaders: meta }),
  };
}

function account(credentials: RegistryCredentials | undefined): { credentials?: RegistryCredentials } {
  return credentials === undefined ? {} : { credentials };
}

/** Clients of long ago send their account in the body; where there is a header the body is not looked at. */
async function pushCredentials(request: ApiRequest<unknown>): Promise<RegistryCredentials | undefined> {
  const header = request.header(AUTH_HEADER) ?? "";
  return header === "" ? decodeAuthConfig(await request.json()) : decodeRegistryAuth(header);
}

function searchLimit(query: URLSearchParams): number {
  const limit = integer(query, "limit") ?? 0;
  if (limit === 0) return DEFAULT_SEARCH_LIMIT;
  if (limit < 1 || limit > MAX_SEARCH_LIMIT)
    throw invalid(`limit ${limit} is outside the range of [1, ${MAX_SEARCH_LIMIT}]`);
  return limit;
}
