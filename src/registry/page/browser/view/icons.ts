import { svg } from "./dom.ts";

const PATHS = {
  copy: "M5 5V2.5h8.5V11H11M2.5 5H11v8.5H2.5z",
  done: "M3 8.5 6.5 12 13 4.5",
  trash: "M2.5 4.5h11M6 4.5v-2h4v2M4 4.5l.5 9h7l.5-9M6.7 7v4M9.3 7v4",
  search: "M7 11.5a4.5 4.5 0 1 0 0-9 4.5 4.5 0 0 0 0 9ZM10.5 10.5 14 14",
};

/** A line drawing of 16 units; decoration only, the text beside it or the label says the same. */
export function icon(name: keyof typeof PATHS): SVGElement {
  const attributes = { viewBox: "0 0 16 16", class: "icon", "aria-hidden": "true", focusable: "false" };
  return svg("svg", attributes, svg("path", { d: PATHS[name] }));
}
