import type { Setting } from "../model/image-config.ts";
import { h } from "./dom.ts";
import { section } from "./parts.ts";

/** What a container of this image starts with. */
export function settingsSection(settings: readonly Setting[]): HTMLElement {
  return section("Configuration", undefined, definitions(settings));
}

export function annotationsSection(annotations: readonly [name: string, value: string][]): HTMLElement | undefined {
  if (annotations.length === 0) return undefined;
  const settings = [...new Map(annotations)].map(([name, value]) => ({ name, values: [value] }));
  return section("Annotations", undefined, definitions(settings, "settings wide"));
}

function definitions(settings: readonly Setting[], style = "settings"): HTMLElement {
  const rows = settings.map(({ name, values }) =>
    h("div", {}, h("dt", {}, name), ...values.map((value) => h("dd", {}, h("code", {}, value)))),
  );
  return h("dl", { class: style }, ...rows);
}
