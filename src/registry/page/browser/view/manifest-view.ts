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
import { deleteButtons } from "./delete-dialog.ts";
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
  const title = joinReference(place.name, place.reference);
  const element = h("div", {}, breadcrumb(place.name), slot);
  fill(slot, context.signal, () => load(context, place));
  return { title, element };
}

async function load(context: Context, place: Place): Promise<HTMLElement[]> {
  const { registry, signal } = context;
  const top = await registry.manifest(place.name, place.reference, signal);
  const shown = await chosen(context, place, top);
  const manifest = shown?.stored.manifest;
  const kind = kindOf((shown?.stored ?? top).manifest);
  const config =
    manifest?.form === "image" && kind.group === "image"
      ? await registry.config(place.name, manifest.config.digest, signal)
      : undefined;
  const parts: Parts = { context, place, top, shown, config };
  return [
    heading(parts),
    platformSwitch(parts),
    pullSection(parts),
    ...(manifest?.form === "image"
      ? [config === undefined ? filesSection(manifest) : layersSection(manifest, config)]
      : []),
    config && config.settings.length > 0 ? settingsSection(config.settings) : undefined,
    annotationsSection([
      ...top.manifest.annotations,
      ...(shown && shown.stored !== top ? shown.stored.manifest.annotations : []),
    ]),
    referrersSection(context, place.name, subjects(parts)),
    rawSection(shown === undefined || shown.stored === top ? [top] : [top, shown.stored]),
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

function heading({ context, place, top, shown, config }: Parts): HTMLElement {
  const manifest = shown?.stored.manifest;
  const kind = kindOf(top.manifest);
  const created = config?.created ?? parseTime(annotation(top.manifest, "org.opencontainers.image.created"));
  const facts: [string, Child][] = [["Kind", pill(kind.label, kind.group)]];
  if (top.manifest.form !== "index" && config !== undefined) {
    facts.push(["Platform", h("span", { class: "platform" }, formatPlatform(config.platform))]);
  }
  if (manifest?.form === "image") {
    facts.push(["Size to pull", h("span", { class: "number" }, formatSize(pullSize(manifest)))]);
    facts.push([
      config === undefined ? "Files" : "Layers",
      h("span", { class: "number" }, String(manifest.layers.length)),
    ]);
  }
  facts.push(["Created", timeLabel(created)], ["Digest", digestLabel(top.digest)]);
  const list = facts.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value)));
  return h(
    "div",
    { class: "lead" },
    h("div", { class: "page-head" }, title(place), deleteButtons(context, { ...place, digest: top.digest })),
    h("dl", { class: "facts" }, ...list),
  );
}

function title({ name, reference }: Place): HTMLElement {
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
