import type { Descriptor, Manifest } from "./manifest.ts";

export interface Kind {
  /** A word for a person: `Image`, `Helm chart`, `Signature`. */
  label: string;
  group: "image" | "index" | "artifact";
}

/** Artifact and config types by their beginnings. The lists of their projects: Helm, Cosign, Notary, SPDX, CycloneDX, in-toto. */
const ARTIFACTS: [prefix: string, label: string][] = [
  ["application/vnd.cncf.helm.", "Helm chart"],
  ["application/vnd.dev.cosign.", "Signature"],
  ["application/vnd.dev.sigstore.bundle", "Signature"],
  ["application/vnd.cncf.notary.signature", "Signature"],
  ["application/spdx", "SBOM"],
  ["text/spdx", "SBOM"],
  ["application/vnd.cyclonedx", "SBOM"],
  ["application/vnd.syft", "SBOM"],
  ["application/sbom", "SBOM"],
  ["application/vnd.in-toto", "Attestation"],
  ["application/vnd.wasm.", "WebAssembly"],
  ["application/wasm", "WebAssembly"],
  ["application/vnd.docker.plugin.", "Docker plugin"],
];
const IMAGE_CONFIGS = ["application/vnd.oci.image.config.v1+json", "application/vnd.docker.container.image.v1+json"];

export function kindOf(manifest: Manifest): Kind {
  if (manifest.form === "index") {
    return manifest.artifactType === ""
      ? { label: "Multi-platform", group: "index" }
      : { label: artifactLabel(manifest.artifactType) ?? "Artifacts", group: "index" };
  }
  if (manifest.form === "other") return { label: "Other", group: "artifact" };
  const { artifactType, config, layers } = manifest;
  // Cosign's first signatures, and BuildKit's attestations, pass as images: only their layers tell.
  const told =
    artifactLabel(artifactType) ?? artifactLabel(config.mediaType) ?? artifactLabel(layers[0]?.mediaType ?? "");
  if (told !== undefined) return { label: told, group: "artifact" };
  if (artifactType === "" && IMAGE_CONFIGS.includes(config.mediaType)) return { label: "Image", group: "image" };
  return { label: "Artifact", group: "artifact" };
}

/** The kind of what refers to an image, as its descriptor tells without fetching it. */
export function referrerLabel({ artifactType, annotations }: Descriptor): string {
  if (annotations.some(([name, value]) => name === "vnd.docker.reference.type" && value === "attestation-manifest")) {
    return "Attestation";
  }
  return artifactLabel(artifactType) ?? "Artifact";
}

function artifactLabel(type: string): string | undefined {
  return ARTIFACTS.find(([prefix]) => type.startsWith(prefix))?.[1];
}

/** Tags that hold referrers where the registry has no API for them: `sha256-<hex>`, and Cosign's with its ending. */
export function isReferrersTag(tag: string): boolean {
  return /^sha(256-[0-9a-f]{64}|512-[0-9a-f]{128})(\.[a-z]+)?$/.test(tag);
}
