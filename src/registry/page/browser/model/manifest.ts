import { bytes, type JsonObject, list, object, pairs, text } from "./json.ts";
import { isKnown, type Platform, parsePlatform } from "./platform.ts";

export interface Descriptor {
  mediaType: string;
  artifactType: string;
  digest: string;
  size: number;
  platform: Platform;
  annotations: [name: string, value: string][];
}

interface Common {
  mediaType: string;
  artifactType: string;
  annotations: [name: string, value: string][];
  subject: Descriptor | undefined;
}

export type Manifest =
  | (Common & { form: "index"; manifests: Descriptor[] })
  | (Common & { form: "image"; config: Descriptor; layers: Descriptor[] })
  /** Schema 1, and what is not known yet. */
  | (Common & { form: "other" });

/** Media types that the page asks a registry for. @see OCI distribution-spec "Pulling manifests" */
export const MANIFEST_TYPES = [
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
  "application/vnd.docker.distribution.manifest.v2+json",
];

/** `served` is the media type of the answer: older manifests have none of their own. Throws SyntaxError if it is no JSON. */
export function parseManifest(body: string, served: string): Manifest {
  const fields = object(JSON.parse(body));
  const common: Common = {
    mediaType: text(fields.mediaType) || served,
    artifactType: text(fields.artifactType),
    annotations: pairs(fields.annotations),
    subject: fields.subject === undefined ? undefined : parseDescriptor(fields.subject),
  };
  return { ...common, ...formOf(fields) };
}

type Form = { form: "index"; manifests: Descriptor[] } | { form: "image"; config: Descriptor; layers: Descriptor[] };

function formOf(fields: JsonObject): Form | { form: "other" } {
  if (Array.isArray(fields.manifests)) return { form: "index", manifests: list(fields.manifests).map(parseDescriptor) };
  if (Array.isArray(fields.layers)) {
    return { form: "image", config: parseDescriptor(fields.config), layers: list(fields.layers).map(parseDescriptor) };
  }
  return { form: "other" };
}

function parseDescriptor(value: unknown): Descriptor {
  const fields = object(value);
  return {
    mediaType: text(fields.mediaType),
    artifactType: text(fields.artifactType),
    digest: text(fields.digest),
    size: bytes(fields.size),
    platform: parsePlatform(fields.platform),
    annotations: pairs(fields.annotations),
  };
}

export function annotation({ annotations }: { annotations: Descriptor["annotations"] }, name: string): string {
  return annotations.find(([key]) => key === name)?.[1] ?? "";
}

/** What a pull of one platform moves: config and layers, each blob once. */
export function pullSize(manifest: Manifest): number {
  if (manifest.form !== "image") return 0;
  const sizes = new Map([manifest.config, ...manifest.layers].map(({ digest, size }) => [digest, size]));
  return [...sizes.values()].reduce((sum, size) => sum + size, 0);
}

/** The images of an index, and what rides along: BuildKit lists attestations there, for the platform `unknown/unknown`. */
export function splitIndex(manifests: readonly Descriptor[]): { images: Descriptor[]; attestations: Descriptor[] } {
  const isAttestation = (one: Descriptor) =>
    annotation(one, "vnd.docker.reference.type") !== "" || (one.platform.architecture !== "" && !isKnown(one.platform));
  return {
    images: manifests.filter((one) => !isAttestation(one)),
    attestations: manifests.filter(isAttestation),
  };
}
