import { invalid } from "../../base/errors.ts";
import type { Engine } from "../../engine/engine.ts";
import type { Images } from "../../images/images.ts";
import { TAR } from "../content-types.ts";
import { filters } from "../filters.ts";
import { encodeRemoved } from "../images/encode-removed.ts";
import { encodeHistory, encodeImageInspect, encodeImageSummary } from "../images/encode-image.ts";
import { platform, platformName } from "../platform-query.ts";
import { progressReply } from "../progress.ts";
import { flag } from "../query.ts";
import { type ApiRequest, type Reply, type Route, route } from "../route.ts";
import { atLeast } from "../version.ts";
import { pullReply } from "./distribution.ts";

/** Images that one archive may be asked for. */
const MAX_SAVED = 1024;

/** Platforms of one image. */
const MAX_PLATFORMS = 64;

export function imageRoutes({ images, distribution }: Pick<Engine, "images" | "distribution">): Route[] {
  return [
    route("GET", "/images/json", async ({ query, version }) => {
      const given = filters(query, "images");
      // Clients before 1.25 filter by name with a parameter of its own.
      const name = atLeast(version, 25) ? "" : (query.get("filter") ?? "");
      const wanted = name === "" ? given : { ...given, reference: [...(given["reference"] ?? []), name] };
      const found = await images.list({ all: flag(query, "all"), filters: wanted });
      const usages = flag(query, "shared-size") ? (await images.usage()).items : [];
      const shared = new Map(usages.map(({ image, sharedBytes }) => [image.id, { sharedBytes }]));
      return { status: 200, body: found.map((image) => encodeImageSummary(image, version, shared.get(image.id))) };
    }),
    route("GET", "/images/{name}/json", async ({ params, query, version }) => ({
      status: 200,
      body: encodeImageInspect(await images.get(params.name, atLeast(version, 49) ? platform(query) : {}), version),
    })),
    route("GET", "/images/{name}/history", async ({ params, query, version }) => ({
      status: 200,
      body: (await images.history(params.name, atLeast(version, 48) ? platform(query) : {})).map(encodeHistory),
    })),
    route("POST", "/images/{name}/tag", async ({ params, query }) => {
      const [repository, tag] = [query.get("repo") ?? "", query.get("tag") ?? ""];
      await images.tag(params.name, tag === "" ? repository : `${repository}:${tag}`);
      return { status: 201 };
    }),
    route("DELETE", "/images/{name}", async ({ params, query }) => {
      const options = { force: flag(query, "force"), prune: !flag(query, "noprune"), ...platforms(query, "platforms") };
      return { status: 200, body: (await images.remove(params.name, options)).map(encodeRemoved) };
    }),
    ...archiveRoutes(images),
    route("POST", "/images/create", (request) => {
      const { query } = request;
      if (query.get("fromImage")) return pullReply(distribution, request);
      if (query.get("fromSrc")) return importReply(images, request);
      throw invalid("one of fromImage and fromSrc is needed");
    }),
  ];
}

/** Images as tar archives, in and out. */
function archiveRoutes(images: Images): Route[] {
  return [
    route("POST", "/images/load", ({ query, body, signal }) =>
      progressReply((report) =>
        images.load(body, { quiet: flag(query, "quiet"), ...platforms(query, "platform"), report, signal }),
      ),
    ),
    route("GET", "/images/get", async ({ query, signal }) => {
      const names = query
        .getAll("names")
        .flatMap((name) => name.split(","))
        .filter(Boolean);
      if (names.length > MAX_SAVED) throw invalid(`more than ${MAX_SAVED} images were asked for`);
      return { stream: await images.save(names, { ...platforms(query, "platform"), signal }), contentType: TAR };
    }),
    route("GET", "/images/{name}/get", async ({ params, query, signal }) => ({
      stream: await images.save([params.name], { ...platforms(query, "platform"), signal }),
      contentType: TAR,
    })),
  ];
}

function importReply(images: Images, { query, body, signal }: ApiRequest<unknown>): Promise<Reply> {
  const source = query.get("fromSrc") ?? "";
  const options = {
    repository: query.get("repo") ?? "",
    tag: query.get("tag") ?? "",
    message: query.get("message") ?? "",
    changes: query.getAll("changes"),
    ...platform(query),
    signal,
  };
  return progressReply(async (report) => {
    const id =
      source === "-"
        ? await images.import(body, { ...options, source })
        : await images.importFrom(source, { ...options, report });
    report({ status: id });
  });
}

/** Platforms, any number of them. Absent: no choice. */
function platforms(query: URLSearchParams, name: "platform" | "platforms"): { platforms?: string[] } {
  const texts = query.getAll(name).filter(Boolean);
  if (texts.length > MAX_PLATFORMS) throw invalid(`more than ${MAX_PLATFORMS} platforms were asked for`);
  return texts.length === 0 ? {} : { platforms: texts.map(platformName) };
}
