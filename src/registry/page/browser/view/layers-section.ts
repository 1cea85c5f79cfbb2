import { stepsOf } from "../model/history.ts";
import type { ImageConfig } from "../model/image-config.ts";
import { segmentsOf } from "../model/layer-bar.ts";
import { annotation, type Descriptor } from "../model/manifest.ts";
import { formatSize } from "../model/size.ts";
import { h, svg } from "./dom.ts";
import { digestLabel, section } from "./parts.ts";

interface Layered {
  layers: Descriptor[];
}

/** Colours of layers in the picture; they come round again. */
const COLOURS = 6;
const BAR_UNITS = 1000;

/** The layers, largest visible at once, and the steps that made them. */
export function layersSection({ layers }: Layered, config: ImageConfig): HTMLElement {
  const steps = stepsOf(config, layers);
  let index = 0;
  const rows = steps.map(({ verb, command, layer }) => {
    const words = [verb !== "" && h("b", {}, verb), verb !== "" && " ", command || (verb === "" && "not recorded")];
    const text = h("code", { class: command === "" && verb === "" ? "step dim" : "step" }, ...words);
    return layer === undefined ? row(undefined, text) : row({ layer, index: index++ }, text);
  });
  const all = steps.length === layers.length;
  const note = all ? undefined : h("span", { class: "dim" }, `${layers.length} of ${steps.length} steps changed files`);
  return section("Layers", note, picture(layers), h("ol", { class: "layers" }, ...rows));
}

/** The blobs of an artifact, under the names that whoever pushed them gave them. */
export function filesSection({ layers }: Layered): HTMLElement {
  const rows = layers.map((layer, index) => {
    const name = annotation(layer, "org.opencontainers.image.title");
    const text = h(
      "code",
      { class: "step" },
      name === "" ? "" : h("b", {}, name),
      name === "" ? "" : " ",
      layer.mediaType,
    );
    return row({ layer, index }, text);
  });
  if (rows.length === 0) return section("Files", undefined, h("p", { class: "empty" }, "It holds no files."));
  return section("Files", undefined, picture(layers), h("ol", { class: "layers" }, ...rows));
}

function row(holds: { layer: Descriptor; index: number } | undefined, text: HTMLElement): HTMLElement {
  if (holds === undefined) {
    return h(
      "li",
      { class: "bare" },
      h("span", { class: "swatch none", "aria-hidden": "true" }),
      text,
      h("span", { class: "size dim" }, "–"),
      h("span"),
    );
  }
  const { layer, index } = holds;
  const item = h(
    "li",
    { id: `layer-${index}` },
    h("span", { class: `swatch k${index % COLOURS}`, "aria-hidden": "true" }),
    text,
    h("span", { class: "size" }, formatSize(layer.size)),
    digestLabel(layer.digest),
  );
  const light = (on: boolean) => () => document.getElementById(`segment-${index}`)?.classList.toggle("lit", on);
  item.addEventListener("mouseenter", light(true));
  item.addEventListener("mouseleave", light(false));
  return item;
}

/** One bar, as long as the image is large, cut into its layers. The list below says the same in words. */
function picture(layers: readonly Descriptor[]): SVGElement {
  const segments = segmentsOf(
    layers.map(({ size }) => size),
    BAR_UNITS,
  );
  const rectangles = segments.map(({ layer, x, width }) =>
    svg(
      "rect",
      {
        id: `segment-${layer}`,
        class: `k${layer % COLOURS}`,
        x: x.toFixed(2),
        y: 0,
        width: width.toFixed(2),
        height: 10,
      },
      svg("title", {}, `Layer ${layer + 1}: ${formatSize(layers[layer]?.size ?? 0)}`),
    ),
  );
  const attributes = { class: "bar", viewBox: `0 0 ${BAR_UNITS} 10`, preserveAspectRatio: "none", role: "img" };
  const summary = layers.map(({ size }) => formatSize(size)).join(", ");
  return svg("svg", { ...attributes, "aria-label": `Sizes of the layers: ${summary}` }, ...rectangles);
}
