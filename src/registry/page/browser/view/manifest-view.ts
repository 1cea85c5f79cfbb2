import { pullCommands } from "../model/commands.ts";
import type { ImageConfig } from "../model/image-config.ts";
import { kindOf } from "../model/kind.ts";
import { annotation, type Descriptor, pullSize, splitIndex } from "../model/manifest.ts";
import { formatPlatform } from "../model/platform.ts";
import { isDigest, joinReference, routeTo } from "../model/route.ts";
import { formatSize } from "../model/size.ts";
import { parseTime } from "../model/time.ts";
import { type Stored, unlessMissing } from "../registry/registry.ts";
import type { Context, View } from "./context.ts";
import { deleteButton } from "./delete-dialog.ts";
import { type Child, h } from "./dom.ts";
import { filesSection, layersSection } from "./layers-section.ts";
import { fill } from "./notice.ts";
import { breadcrumb, commandBlock, digestLabel, pill, section, timeLabel } from "./parts.ts";
import { rawSection } from "./raw-section.ts";
import { referrersSection } from "./referrers-section.ts";
import { annotationsSection, settingsSection } from "./settings-section.ts";

export interface Place {
  name: string;
  reference: string;
  /** `linux/arm64`: the image of an index to show; empty for its first. */
  platform: string;
}

/** One tag or digest: an image, an index with one of its images, or an artifact. */
export function manifestView(context: Context, place: Place): View {
  const slot = h("div");
  const head = h("div", { class: "page-head acting" }, heading(place));
  fill(slot, context.signal, async () => {
    const parts = await gather(context, place);
    const button = deleteButton(context, { ...place, digest: parts.top.digest });
    if (button !== undefined) head.append(button);
    return sections(parts);
  });
  const element = h("div", {}, breadcrumb(place.name), head, slot);
  return { title: joinReference(place.name, place.reference), element };
}

async function gather(context: Context, place: Place): Promise<Parts> {
  const { registry, signal } = context;
  const top = await registry.manifest(place.name, place.reference, signal);
  const shown = await chosen(context, place, top);
  const manifest = shown?.stored.manifest;
  const isImage = manifest?.form === "image" && kindOf(manifest).group === "image";
  const config = isImage ? await registry.config(place.name, manifest.config.digest, signal) : undefined;
  return { context, place, top, shown, config };
}

function sections(parts: Parts): HTMLElement[] {
  const { context, place, top, shown, config } = parts;
  const documents = shown === undefined || shown.stored === top ? [top] : [top, shown.stored];
  const manifest = shown?.stored.manifest;
  const layered = manifest?.form === "image" ? manifest : undefined;
  return [
    facts(parts),
    platformSwitch(parts),
    pullSection(parts),
    layered && (config === undefined ? filesSection(layered) : layersSection(layered, config)),
    config && config.settings.length > 0 ? settingsSection(config.settings) : undefined,
    annotationsSection(documents.flatMap((one) => one.manifest.annotations)),
    referrersSection(context, place.name, subjects(parts)),
    rawSection(documents),
  ].filter((part) => part !== undefined);
}

interface Parts {
  context: Context;
  place: Place;
  /** What the reference names. */
  top: Stored;
  /** The image of it that is shown: itself, or one of an index. Undefined where the registry does not hold it. */
  shown: { stored: Stored; platform: string } | undefined;
  config: ImageConfig | undefined;
}

async function chosen({ registry, signal }: Context, place: Place, top: Stored): Promise<Parts["shown"]> {
  if (top.manifest.form !== "index") return { stored: top, platform: "" };
  const { images } = splitIndex(top.manifest.manifests);
  const named = images.find(({ platform }) => formatPlatform(platform) === place.platform);
  const image = named ?? images[0];
  if (image === undefined) return undefined;
  const stored = await registry.manifest(place.name, image.digest, signal).catch(unlessMissing);
  return stored && { stored, platform: formatPlatform(image.platform) };
}

/** Whose referrers are asked for, and what an index itself lists beside its images. */
function subjects({ top, shown }: Parts): { digests: string[]; listed: Descriptor[] } {
  const digests = [...new Set([top.digest, ...(shown === undefined ? [] : [shown.stored.digest])])];
  const attestations = top.manifest.form === "index" ? splitIndex(top.manifest.manifests).attestations : [];
  const about = shown?.stored.digest;
  const listed = attestations.filter((one) => [about, ""].includes(annotation(one, "vnd.docker.reference.digest")));
  return { digests, listed };
}

function facts({ top, shown, config }: Parts): HTMLElement {
  const manifest = shown?.stored.manifest;
  const kind = kindOf(top.manifest);
  const created = config?.created ?? parseTime(annotation(top.manifest, "org.opencontainers.image.created"));
  const known: [string, Child][] = [["Kind", pill(kind.label, kind.group)]];
  if (top.manifest.form !== "index" && config !== undefined) {
    known.push(["Platform", h("span", { class: "platform" }, formatPlatform(config.platform))]);
  }
  if (manifest?.form === "image") {
    known.push(["Size to pull", h("span", { class: "number" }, formatSize(pullSize(manifest)))]);
    known.push([
      config === undefined ? "Files" : "Layers",
      h("span", { class: "number" }, String(manifest.layers.length)),
    ]);
  }
  known.push(["Created", timeLabel(created)], ["Digest", digestLabel(top.digest)]);
  const list = known.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value)));
  return h("dl", { class: "facts" }, ...list);
}

function heading({ name, reference }: Place): HTMLElement {
  if (isDigest(reference)) return h("h1", { tabindex: -1 }, name, h("span", { class: "dim long" }, `@${reference}`));
  return h("h1", { tabindex: -1 }, h("span", { class: "dim" }, `${name}:`), reference);
}

/** Links, so that each platform has an address, and the back button and the middle button work. */
function platformSwitch({ place, top, shown }: Parts): HTMLElement | undefined {
  if (top.manifest.form !== "index") return undefined;
  const { images } = splitIndex(top.manifest.manifests);
  if (images.length === 0) {
    return h("p", { class: "empty" }, "This index lists no image. What it lists is in the manifest below.");
  }
  const items = images.map((image) => {
    const platform = formatPlatform(image.platform);
    const href = platform === "" ? routeTo(place.name, image.digest) : routeTo(place.name, place.reference, platform);
    const current = shown?.stored.digest === image.digest;
    return h("li", {}, h("a", { href, "aria-current": current ? "true" : undefined }, platform || "no platform"));
  });
  const missing = "This registry does not hold the image for that platform: it was deleted, or never pushed here.";
  return h(
    "nav",
    { class: "switch", "aria-label": "Platforms" },
    h("ul", {}, ...items),
    shown === undefined && h("p", { class: "notice" }, missing),
  );
}

function pullSection({ context, place, top, shown }: Parts): HTMLElement {
  const kind = kindOf((shown?.stored ?? top).manifest);
  const platform = place.platform === "" ? "" : (shown?.platform ?? "");
  const { name, reference } = place;
  const commands = pullCommands({ host: context.host, name, reference, digest: top.digest, kind, platform });
  return section("Pull", undefined, commandBlock(commands));
}
