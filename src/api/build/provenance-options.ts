import { invalid } from "../../base/errors.ts";
import type { Attestations } from "../../builder/builder.ts";

const VERSIONS = ["v0.2", "v1"] as const;

/** Of `--provenance`, what is not its mode: `version`, `builder-id`, `reproducible`. Throws invalid-argument. @see BuildKit docs/attestations */
export function provenanceOptions(
  attributes: Readonly<Record<string, string | undefined>>,
): Pick<Attestations, "provenanceVersion" | "builderId" | "reproducible"> {
  const { version, reproducible } = attributes;
  const builderId = attributes["builder-id"];
  const known = VERSIONS.find((one) => one === version);
  if (version !== undefined && known === undefined) {
    throw invalid(`invalid provenance SLSA version: ${version.slice(0, 64)}`);
  }
  return {
    ...(known === undefined ? {} : { provenanceVersion: known }),
    ...(builderId === undefined ? {} : { builderId }),
    ...(reproducible === "true" ? { reproducible: true } : {}),
  };
}
