import { invalid } from "../../base/errors.ts";
import type { Distribution } from "../../images/distribution.ts";
import { Fields } from "../fields.ts";
import { flag } from "../query.ts";
import { accountOf } from "../registry-auth.ts";
import { type ApiRequest, type Route, route } from "../route.ts";

/** Source repositories that one index may name. */
const MAX_SOURCES = 1024;
const MEDIA_TYPE = /^[A-Za-z0-9!#$&^_.+-]{1,127}\/[A-Za-z0-9!#$&^_.+-]{1,127}$/;

/**
 * Manifests as registries have them, byte for byte. Docker's client asks the registry itself; ours leaves that to the engine, which
 * knows the registry's certificates, mirrors and proxies. No other client knows these two: they are outside of Docker's API.
 */
export function manifestRoutes(distribution: Distribution): Route[] {
  return [
    route("GET", "/gantry/manifests/{name}", async (request) => {
      const { mediaType, digest, bytes } = await distribution.manifest(request.params.name, manifestOptions(request));
      return {
        stream: once(bytes),
        contentType: mediaType,
        headers: { "Docker-Content-Digest": digest, "Content-Length": String(bytes.byteLength) },
      };
    }),
    route("PUT", "/gantry/manifests/{name}", async (request) => {
      const fields = new Fields(await request.json(), "gantry.Manifest");
      const mediaType = fields.string("MediaType");
      if (!MEDIA_TYPE.test(mediaType)) throw invalid(`invalid media type ${JSON.stringify(mediaType)}`);
      const bytes = Buffer.from(fields.string("Document"));
      const sources = decodeSources(fields.raw("Sources"));
      const options = { ...manifestOptions(request), sources };
      const digest = await distribution.putManifest(request.params.name, { mediaType, bytes }, options);
      return { status: 201, body: { Digest: digest } };
    }),
  ];
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

/** `insecure` is our own addition, also to `/distribution/{name}/json`: `manifest inspect --insecure` has it. */
export function manifestOptions(request: ApiRequest<unknown>) {
  const credentials = accountOf(request);
  const { query, signal } = request;
  return { insecure: flag(query, "insecure"), signal, ...(credentials === undefined ? {} : { credentials }) };
}

function decodeSources(value: unknown): { repository: string; digest: string }[] {
  if (value === undefined) return [];
  if (!Array.isArray(value) || value.length > MAX_SOURCES) throw invalid("invalid Sources");
  return value.map((one) => {
    const fields = new Fields(one, "gantry.Source");
    return { repository: fields.string("Repository"), digest: fields.string("Digest") };
  });
}
