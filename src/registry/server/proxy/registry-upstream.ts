import type { Clock } from "../../../base/clock.ts";
import { EngineError, isKind } from "../../../base/errors.ts";
import { isDigest } from "../../../formats/oci/digest.ts";
import { MAX_MANIFEST_BYTES } from "../../../formats/oci/manifest.ts";
import { createAuthorizer } from "../../client/authorizer.ts";
import type { Credentials } from "../../client/credentials.ts";
import { type Endpoint, READ_CAPABILITIES } from "../../client/endpoint.ts";
import { discard, readBody } from "../../client/http.ts";
import { ask, type SessionDeps } from "../../client/session.ts";
import { TIMEOUTS } from "../../client/timeouts.ts";
import type { Upstream } from "./upstream.ts";

export interface UpstreamOptions {
  /** `https://registry-1.docker.io`. */
  url: string;
  user: string;
  password: string;
}

/** The registry at one address, asked as our client asks: log-in, redirects, time-outs and errors are the client's. */
export function createRegistryUpstream(options: UpstreamOptions, clock: Clock): Upstream {
  const base = `${options.url.replace(/\/+$/, "")}/v2`;
  const tls = { ca: [], insecure: false };
  const endpoint: Endpoint = { base, isOrigin: true, capabilities: READ_CAPABILITIES, tls, headers: {} };
  const deps: SessionDeps = {
    hosts: { endpoints: () => Promise.resolve([endpoint]) },
    authorizer: createAuthorizer({ clock, timeouts: TIMEOUTS }),
    userAgent: "gantry-registry",
    timeouts: TIMEOUTS,
    clock,
  };
  const credentials = credentialsOf(options);
  const get = async (method: "GET" | "HEAD", name: string, what: string, accept: readonly string[]) => {
    const scope = `repository:${name}:pull`;
    const headers = { Accept: accept.join(", ") };
    const request = { method, path: `/${name}/${what}`, headers, scope, credentials };
    try {
      return await ask(deps, endpoint, { ...request, signal: new AbortController().signal });
    } catch (error) {
      if (isKind(error, "not-found")) return undefined;
      throw error;
    }
  };
  return {
    async getManifest(name, reference, accept) {
      const response = await get("GET", name, `manifests/${reference}`, accept);
      if (response === undefined) return undefined;
      const where = { method: "GET", url: `${base}/${name}/manifests/${reference}` };
      const mediaType = response.headers.get("content-type")?.split(";")[0]?.trim() ?? "";
      return { bytes: await readBody(where, response, MAX_MANIFEST_BYTES), mediaType };
    },
    async headManifest(name, reference, accept) {
      const response = await get("HEAD", name, `manifests/${reference}`, accept);
      if (response === undefined) return undefined;
      await discard(response);
      const digest = response.headers.get("docker-content-digest") ?? "";
      return isDigest(digest) ? digest : undefined;
    },
    async getBlob(name, digest) {
      const response = await get("GET", name, `blobs/${digest}`, ["*/*"]);
      if (response === undefined) return undefined;
      if (response.body === null) throw new EngineError("unavailable", `blob ${digest}: an answer without a body`);
      const length = response.headers.get("content-length") ?? "";
      return { sizeBytes: /^\d{1,15}$/.test(length) ? Number(length) : undefined, body: response.body };
    },
  };
}

function credentialsOf({ user, password }: UpstreamOptions): Credentials | undefined {
  return user === "" ? undefined : { username: user, password, identityToken: "", registryToken: "" };
}
