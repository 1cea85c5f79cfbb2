import { invalid } from "../../base/errors.ts";
import type { ContextOptions } from "../contexts/contexts.ts";
import { createTransferProgress } from "../contexts/transfer-progress.ts";
import { httpAuthorization } from "./authorization.ts";
import type { Fetched, HttpStore } from "./http-store.ts";

/** Brings what a URL gives to `target`, a name that is not there yet. Throws as `HttpStore.fetch`, and invalid-argument for no URL. */
export async function fetchFile(
  http: HttpStore,
  { url: text, checksum, target }: { url: string; checksum: string | undefined; target: string },
  options: Pick<ContextOptions, "session" | "signal" | "vertex" | "report">,
): Promise<Fetched> {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) throw invalid(`invalid URL ${JSON.stringify(text)}`);
  const authorization = await httpAuthorization(url, options.session, options.signal);
  const progress = createTransferProgress(options, "file");
  url.username = "";
  url.password = "";
  url.hash = "";
  try {
    return await http.fetch(url.href, {
      target,
      checksum,
      authorization,
      onBytes: (bytes) => progress.add(bytes),
      signal: options.signal,
    });
  } finally {
    progress.done();
  }
}
