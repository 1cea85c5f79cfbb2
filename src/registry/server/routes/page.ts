import type { PageFiles } from "../../page/load-page.ts";
import type { Routes } from "../http/exchange.ts";
import { DistributionError } from "../http/error-codes.ts";
import { isNotModified, reply } from "../http/replies.ts";

/** How the page comes in: called once at the start. Without it `/` is 404. */
export type LoadPage = () => Promise<PageFiles>;

/** The page loads nothing from elsewhere, runs no inline script and is shown in nobody's frame. */
const SECURITY = {
  "Content-Security-Policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
  "Referrer-Policy": "no-referrer",
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Resource-Policy": "same-origin",
};

export function pageRoutes(files: PageFiles): Routes {
  return {
    page: {
      GET({ path, request }) {
        const file = files.get(path);
        if (file === undefined) throw new DistributionError("NOT_FOUND");
        const headers = { ...SECURITY, ETag: file.etag, "Cache-Control": "no-cache" };
        if (isNotModified(request, file.etag)) return reply(304, headers);
        const length = String(file.body.length);
        const body = request.method === "HEAD" ? null : file.body;
        return reply(200, { ...headers, "Content-Type": file.contentType, "Content-Length": length }, body);
      },
    },
  };
}
