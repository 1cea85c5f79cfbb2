import type { Stored } from "../registry/registry.ts";
import { copyButton } from "./copy-button.ts";
import { h } from "./dom.ts";
import { section } from "./parts.ts";

/** The manifests as the registry holds them, folded away. Drawn when they are opened: they can be long. */
export function rawSection(documents: readonly Stored[]): HTMLElement {
  return section("Manifest", undefined, ...documents.map(document));
}

function document({ manifest, body }: Stored): HTMLElement {
  const details = h(
    "details",
    { class: "raw" },
    h("summary", {}, h("code", {}, manifest.mediaType || "unknown media type")),
  );
  details.addEventListener("toggle", () => {
    if (details.children.length > 1) return;
    const text = h("pre", { tabindex: 0 }, h("code", {}, indented(body)));
    details.append(h("div", { class: "raw-body" }, copyButton(body, "the manifest as it is stored"), text));
  });
  return details;
}

/** Its digest is of the stored bytes; spaces only help to read it. */
function indented(body: string): string {
  return JSON.stringify(JSON.parse(body), undefined, 2);
}
