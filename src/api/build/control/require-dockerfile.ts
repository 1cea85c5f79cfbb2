import { EngineError } from "../../../base/errors.ts";

/** Images of the Dockerfile's frontend, whose language this engine speaks itself. */
const DOCKERFILE_IMAGE = /^(docker\.io\/)?docker\/dockerfile(-upstream)?(:|@|$)/;

/** Throws not-implemented, in our words, for builds that are not Dockerfiles: low-level definitions and foreign frontends. */
export function requireDockerfile(request: {
  definition: Uint8Array;
  frontend: string;
  options: ReadonlyMap<string, string>;
}): void {
  const { definition, frontend, options } = request;
  if (definition.byteLength > 0 || frontend === "") {
    throw new EngineError(
      "not-implemented",
      "this engine builds Dockerfiles; it takes no low-level build definitions (LLB)",
    );
  }
  if (frontend === "dockerfile.v0") return;
  const image = options.get("source") ?? "";
  if (frontend === "gateway.v0" && DOCKERFILE_IMAGE.test(image)) return;
  throw new EngineError(
    "not-implemented",
    `frontend ${frontend}${image === "" ? "" : ` (${image})`} is not supported by this engine`,
  );
}
