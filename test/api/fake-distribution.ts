import { EngineError } from "../../src/base/errors.ts";
import type { Digest } from "../../src/formats/oci/digest.ts";
import type { Distribution } from "../../src/images/distribution.ts";

export const REMOTE_DIGEST = `sha256:${"b".repeat(64)}` as Digest;
/** Not as JSON.stringify would write it: an answer that was parsed and written again would differ. */
export const REMOTE_MANIFEST =
  '{"schemaVersion":2,\n\t"mediaType":"application/vnd.oci.image.index.v1+json", "manifests":[]}\n';
const MEDIA_TYPE = "application/vnd.oci.image.index.v1+json";

/** A registry that holds one image; names say how it fails. `calls` gets `method arguments`. */
export function fakeDistribution(calls: string[]): Distribution {
  const note = (method: string, ...rest: unknown[]) => {
    const shown = JSON.stringify(rest, (key, value: unknown) =>
      key === "report" || key === "signal" ? undefined : value,
    );
    calls.push(`${method} ${shown}`);
  };
  const refuse = (reference: string) => {
    if (reference.includes("missing")) throw new EngineError("not-found", `manifest for ${reference} not found`);
    if (reference.includes("private")) throw new EngineError("unauthorized", "unauthorized: authentication required");
  };
  return {
    async pull(reference, options) {
      note("pull", reference, options);
      refuse(reference);
      const { report, signal } = options;
      report({ id: "latest", status: "Pulling from library/x" });
      report({ id: "abc", status: "Pulling fs layer" });
      if (reference.includes("stall")) {
        await new Promise((resolve) => signal.addEventListener("abort", resolve));
        calls.push("pull aborted");
        throw signal.reason;
      }
      if (reference.includes("many")) {
        for (let at = 1; at <= 50_000; at++) report({ id: "abc", status: "Downloading", current: at, total: 50_000 });
      }
      report({ id: "abc", status: "Downloading", current: 5, total: 10 });
      if (reference.includes("broken")) throw new EngineError("unavailable", "the registry hung up");
      report({ id: "abc", status: "Pull complete" });
      report({ status: "Status: Downloaded newer image for x:latest" });
    },
    async push(repository, options) {
      note("push", repository, options);
      refuse(repository);
      options.report({ status: `The push refers to repository [${repository}]` });
      options.report({ id: "abc", status: "Pushed" });
      options.report({ aux: { Tag: "latest", Digest: REMOTE_DIGEST, Size: 5 } });
    },
    async inspect(reference, options) {
      note("inspect", reference, options);
      refuse(reference);
      return {
        descriptor: { mediaType: MEDIA_TYPE, digest: REMOTE_DIGEST, sizeBytes: 99, annotations: {} },
        platforms: [
          { os: "linux", architecture: "amd64" },
          { os: "linux", architecture: "arm", variant: "v7" },
        ],
      };
    },
    async manifest(reference, options) {
      note("manifest", reference, options);
      refuse(reference);
      return { mediaType: MEDIA_TYPE, digest: REMOTE_DIGEST, bytes: new TextEncoder().encode(REMOTE_MANIFEST) };
    },
    async putManifest(reference, { mediaType, bytes }, options) {
      note("putManifest", reference, mediaType, Buffer.from(bytes).toString(), options);
      return REMOTE_DIGEST;
    },
    async search(term, options) {
      note("search", term, options);
      return [{ name: "x", description: "an x", starCount: 3, isOfficial: true, isAutomated: false }];
    },
    async login(credentials) {
      note("login", credentials);
      if (credentials.password === "bad") throw new EngineError("unauthorized", "incorrect username or password");
      return { status: "Login Succeeded", identityToken: credentials.username === "tok" ? "token" : "" };
    },
  };
}
