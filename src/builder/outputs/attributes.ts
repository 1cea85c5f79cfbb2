import { invalid } from "../../base/errors.ts";
import type { Compression } from "../../formats/oci/media-types.ts";
import { formatPlatform, parsePlatformSpecifier, type Platform } from "../../formats/oci/platform.ts";
import type { CompressedForm } from "../../storage/content/compress/compress.ts";

/** What is written beside an image's own documents. @see BuildKit docs/annotations.md */
export interface Annotations {
  manifest(platform: Platform): Record<string, string>;
  /** Of the entry in the index that stands for the manifest. */
  manifestDescriptor(platform: Platform): Record<string, string>;
  index: Record<string, string>;
  isEmpty: boolean;
}

/** How an image is written down. */
export interface Packaging {
  /** Of layers that have none yet; undefined: they stay as they are where nobody else sees them. */
  form: CompressedForm | undefined;
  /** Layers that have another compression are compressed anew. */
  force: boolean;
  /** Docker's media types where false. */
  ociTypes: boolean;
  annotations: Annotations;
}

type Attributes = Record<string, string>;

const COMPRESSIONS: Record<string, Compression> = { gzip: "gzip", zstd: "zstd", uncompressed: "none" };
const LEVELS: Record<Compression, [least: number, most: number]> = { none: [0, 0], gzip: [0, 9], zstd: [0, 22] };
/** As Go's strconv.ParseBool. */
const BOOLEANS: Record<string, boolean> = {
  ...Object.fromEntries(["1", "t", "T", "TRUE", "true", "True"].map((text) => [text, true])),
  ...Object.fromEntries(["0", "f", "F", "FALSE", "false", "False"].map((text) => [text, false])),
};

/** `otherwise` where it is not given; "" means true, as in `--output type=image,push`. Throws invalid-argument. */
export function booleanOf(attributes: Attributes, name: string, otherwise: boolean): boolean {
  const text = attributes[name];
  if (text === undefined) return otherwise;
  const value = text === "" ? true : BOOLEANS[text];
  if (value === undefined) throw invalid(`non-bool value specified for ${name}: ${JSON.stringify(text)}`);
  return value;
}

/** Throws invalid-argument for what is wrong or cannot be done. */
export function parsePackaging(attributes: Attributes): Packaging {
  const annotations = parseAnnotations(attributes);
  const ociTypes = booleanOf(attributes, "oci-mediatypes", true);
  const form = parseForm(attributes);
  if (!ociTypes && form?.compression === "zstd") {
    throw invalid("zstd compression needs OCI media types: oci-mediatypes=false cannot be used with it");
  }
  if (!ociTypes && !annotations.isEmpty) {
    throw invalid("annotations need OCI media types: oci-mediatypes=false cannot be used with them");
  }
  return { form, force: booleanOf(attributes, "force-compression", false), ociTypes, annotations };
}

function parseForm(attributes: Attributes): CompressedForm | undefined {
  const name = attributes.compression;
  const levelText = attributes["compression-level"];
  if (name === undefined && levelText === undefined) return undefined;
  const compression = COMPRESSIONS[name ?? "gzip"];
  if (compression === undefined) {
    throw invalid(`unsupported layer compression type: ${JSON.stringify(name)} (there are gzip, zstd, uncompressed)`);
  }
  if (levelText === undefined || compression === "none") return { compression };
  const level = /^\d{1,2}$/.test(levelText) ? Number(levelText) : Number.NaN;
  const [least, most] = LEVELS[compression];
  if (!(level >= least && level <= most)) {
    throw invalid(
      `invalid compression-level ${JSON.stringify(levelText)}: ${compression} has levels ${least} to ${most}`,
    );
  }
  return { compression, level };
}

/** `annotation.k`, `annotation-index.k`, `annotation-manifest[linux/amd64].k`, … */
const ANNOTATION = /^annotation(?:-(manifest|index|manifest-descriptor|index-descriptor))?(?:\[([^\]]*)\])?\.(.+)$/;

interface Annotation {
  key: string;
  value: string;
  platform: string | undefined;
}

export function parseAnnotations(attributes: Attributes): Annotations {
  const found = { manifest: [] as Annotation[], descriptor: [] as Annotation[], index: [] as Annotation[] };
  for (const [name, value] of Object.entries(attributes)) {
    if (!name.startsWith("annotation")) continue;
    const match = ANNOTATION.exec(name);
    if (match === null) throw invalid(`invalid annotation: ${JSON.stringify(name)}`);
    const [, kind = "manifest", specifier, key = ""] = match;
    if (kind === "index-descriptor") throw invalid(`${name}: an image here has no descriptor of its index to annotate`);
    if (kind === "index" && specifier !== undefined) throw invalid(`${name}: an index has no platform`);
    const platform = specifier === undefined ? undefined : formatPlatform(parsePlatformSpecifier(specifier));
    const list = kind === "index" ? found.index : kind === "manifest" ? found.manifest : found.descriptor;
    list.push({ key, value, platform });
  }
  const of = (list: Annotation[], platform: Platform | undefined) => {
    const name = platform === undefined ? undefined : formatPlatform(parsePlatformSpecifier(formatPlatform(platform)));
    const general = list.filter((one) => one.platform === undefined);
    const own = list.filter((one) => one.platform !== undefined && one.platform === name);
    return Object.fromEntries([...general, ...own].map(({ key, value }) => [key, value]));
  };
  return {
    manifest: (platform) => of(found.manifest, platform),
    manifestDescriptor: (platform) => of(found.descriptor, platform),
    index: of(found.index, undefined),
    isEmpty: found.manifest.length + found.descriptor.length + found.index.length === 0,
  };
}

/** Whole seconds of `source-date-epoch`, or of the request. Throws invalid-argument. */
export function epochOf(attributes: Attributes, otherwise: number | undefined): number | undefined {
  const text = attributes["source-date-epoch"];
  if (text === undefined || text === "") return otherwise;
  if (!/^\d{1,12}$/.test(text)) throw invalid(`invalid SOURCE_DATE_EPOCH: ${JSON.stringify(text)}`);
  return Number(text);
}
