import { splitReference } from "../../wire/split-reference.ts";
import type { CliContext, Command } from "../command.ts";
import { BOOL } from "../flags/flag-types.ts";
import { describeImage, type ImageManifest } from "./image-manifest.ts";
import { indexOf, openLocalLists } from "./local-lists.ts";
import { fetchManifest, isIndex, type ManifestDescriptor, type RemoteManifest } from "./remote-manifest.ts";

/** Docker indents a manifest with tabs, and a list of them with three spaces. */
const MANIFEST_INDENT = "\t";
const LIST_INDENT = 3;

export const command: Command = {
  usage: "[OPTIONS] [MANIFEST_LIST] MANIFEST",
  short: "Display an image manifest, or manifest list",
  aliases: ["manifest inspect"],
  flags: [
    { name: "insecure", type: BOOL, usage: "Allow communication with an insecure registry" },
    { name: "verbose", short: "v", type: BOOL, usage: "Output additional info including layers and platform" },
  ],
  arity: { min: 1, max: 2 },
  examples: [
    ["manifest inspect debian:12", "What the registry has under this name: platforms, digests, layers"],
    ["manifest inspect -v localhost:5000/web", "With the manifest of each platform"],
  ],
  async run(context, flags) {
    const [first = "", second] = flags.arguments;
    const options = { insecure: flags.bool("insecure"), verbose: flags.bool("verbose") };
    const lists = openLocalLists(context);
    if (second !== undefined) return show(context, options.verbose, await lists.image(first, second));
    const local = await lists.get(first);
    if (local.length > 0) {
      const shown = options.verbose ? pretty(local, MANIFEST_INDENT) : pretty(indexOf(local), LIST_INDENT);
      await context.io.out(shown);
      return 0;
    }
    return inspectRemote(context, first, options);
  },
};

async function show(context: CliContext, verbose: boolean, image: ImageManifest): Promise<number> {
  const document = verbose ? image : (JSON.parse(Buffer.from(image.Raw, "base64").toString()) as unknown);
  await context.io.out(pretty(document, MANIFEST_INDENT));
  return 0;
}

interface Options {
  insecure: boolean;
  verbose: boolean;
}

async function inspectRemote(context: CliContext, reference: string, options: Options): Promise<number> {
  const found = await fetchManifest(context, reference, options.insecure);
  const index = isIndex(found.mediaType);
  const document = JSON.parse(found.text) as { manifests?: ManifestDescriptor[] };
  if (!options.verbose) {
    await context.io.out(pretty(document, index ? LIST_INDENT : MANIFEST_INDENT));
    return 0;
  }
  const shown = index
    ? await describeAll(context, reference, document.manifests ?? [], options)
    : await describeImage(context, reference, found, options);
  await context.io.out(pretty(shown, MANIFEST_INDENT));
  return 0;
}

/** Every manifest that an index names, in its order. One after the other: they are few, and small. */
async function describeAll(
  context: CliContext,
  reference: string,
  descriptors: readonly ManifestDescriptor[],
  { insecure }: Options,
): Promise<ImageManifest[]> {
  const { repository } = splitReference(reference);
  const shown: ImageManifest[] = [];
  for (const descriptor of descriptors) {
    const found: RemoteManifest = await fetchManifest(context, `${repository}@${descriptor.digest}`, insecure);
    shown.push(
      await describeImage(context, `${reference}@${descriptor.digest}`, found, { insecure, known: descriptor }),
    );
  }
  return shown;
}

function pretty(value: unknown, indent: string | number): string {
  const text = JSON.stringify(value, undefined, indent);
  // JSON itself leaves some that a terminal would take for orders.
  return `${text.replace(/(?!\n|\t)\p{Cc}/gu, (one) => `\\u00${one.charCodeAt(0).toString(16)}`)}\n`;
}
