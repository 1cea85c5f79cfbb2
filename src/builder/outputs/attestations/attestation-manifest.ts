import type { Descriptor } from "../../../formats/oci/descriptor.ts";
import { type Digest, hexOf } from "../../../formats/oci/digest.ts";
import { encodeManifest } from "../../../formats/oci/manifest.ts";
import { MEDIA_TYPES } from "../../../formats/oci/media-types.ts";
import type { Platform } from "../../../formats/oci/platform.ts";
import type { SolvedTarget } from "../../builder.ts";
import type { Predicate } from "../export-context.ts";
import { type ImageFile, imageFile } from "../image/image-file.ts";
import { imagePackageUrl } from "./package-url.ts";

const STATEMENT_TYPE = "https://in-toto.io/Statement/v0.1";
const STATEMENT_MEDIA_TYPE = "application/vnd.in-toto+json";
const UNKNOWN_PLATFORM: Platform = { os: "unknown", architecture: "unknown" };

/** Who a statement is about. */
export interface Subject {
  name: string;
  digest: Record<string, string>;
}

/** @see in-toto attestation spec v0.1 "Statement" */
export function statementOf({ type, value }: Predicate, subject: Subject[]): object {
  return { _type: STATEMENT_TYPE, predicateType: type, subject, predicate: value };
}

/**
 * A manifest whose layers are statements about another manifest of the same index, and its entry there.
 * @see BuildKit docs/attestations/attestation-storage.md
 */
export function attestationManifest({
  predicates,
  subject,
  names,
  target,
}: {
  predicates: Predicate[];
  subject: Digest;
  names: string[];
  target: SolvedTarget;
}): { descriptor: Descriptor; files: ImageFile[] } {
  const digest = { sha256: hexOf(subject) };
  const subjects = (names.length === 0 ? ["_"] : names.map((name) => imagePackageUrl(name, target.platform))).map(
    (name) => ({ name, digest }),
  );
  const statements = predicates.map((predicate) =>
    imageFile(STATEMENT_MEDIA_TYPE, Buffer.from(JSON.stringify(statementOf(predicate, subjects))), {
      "in-toto.io/predicate-type": predicate.type,
    }),
  );
  const config = imageFile(
    MEDIA_TYPES.ociConfig,
    Buffer.from(
      JSON.stringify({
        ...UNKNOWN_PLATFORM,
        config: {},
        rootfs: { type: "layers", diff_ids: statements.map(({ descriptor }) => descriptor.digest) },
      }),
    ),
  );
  const layers = statements.map(({ descriptor }) => descriptor);
  const manifest = imageFile(MEDIA_TYPES.ociManifest, encodeManifest(config.descriptor, layers));
  const annotations = {
    "vnd.docker.reference.digest": subject,
    "vnd.docker.reference.type": "attestation-manifest",
  };
  return {
    descriptor: { ...manifest.descriptor, platform: UNKNOWN_PLATFORM, annotations },
    files: [...statements, config, manifest],
  };
}
