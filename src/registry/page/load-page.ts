import { readSources } from "./read-sources.ts" with { type: "macro" };

export interface PageFile {
  body: Uint8Array<ArrayBuffer>;
  contentType: string;
  /** Strong, in quotes, as the header has it. */
  etag: string;
}

/** By path of the URL: `/`, `/ui/app.js`, `/ui/style.css`, `/ui/icon.svg`. */
export type PageFiles = ReadonlyMap<string, PageFile>;

/** What the one who runs the registry allows; the page asks for it at `/ui/config.json`. */
export interface PageSettings {
  /** Whether the page offers to delete. The registry itself decides on each request all the same. */
  delete: boolean;
  readOnly: boolean;
  version: string;
  /** The registry that this one is a cache of. */
  proxyOf: string | null;
}

/** Where the bundler finds the sources: names in memory, never files. */
const VIRTUAL_FOLDER = "/gantry-registry-page/";

/**
 * The registry's web page: static files that use nothing but the registry's own API. Without settings there is no
 * `/ui/config.json`, and the page offers to change nothing. They keep to `default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'`. Reads no file.
 * Takes about 10 ms, for scripts and style are bundled here: call it once. Throws AggregateError if they do not compile.
 */
export async function loadPage(settings?: PageSettings): Promise<PageFiles> {
  const sources = readSources();
  const virtual = Object.fromEntries(Object.entries(sources).map(([name, text]) => [VIRTUAL_FOLDER + name, text]));
  const entrypoints = ["app.ts", "style.css"].map((name) => VIRTUAL_FOLDER + name);
  const built = await Bun.build({ entrypoints, files: virtual, target: "browser", format: "esm", minify: true });
  const output = async (ending: string) => {
    const found = built.outputs.find(({ path }) => path.endsWith(ending));
    return found === undefined ? "" : found.text();
  };
  const files = new Map([
    ["/", pageFile(sources["index.html"] ?? "", "text/html; charset=utf-8")],
    ["/ui/app.js", pageFile(await output(".js"), "text/javascript; charset=utf-8")],
    ["/ui/style.css", pageFile(await output(".css"), "text/css; charset=utf-8")],
    ["/ui/icon.svg", pageFile(sources["icon.svg"] ?? "", "image/svg+xml")],
  ]);
  if (settings !== undefined) files.set("/ui/config.json", pageFile(JSON.stringify(settings), "application/json"));
  return files;
}

function pageFile(text: string, contentType: string): PageFile {
  const body = new TextEncoder().encode(text);
  const hash = new Bun.CryptoHasher("sha256").update(body).digest("base64url").slice(0, 22);
  return { body, contentType, etag: `"${hash}"` };
}
