import { routeTo, shortDigest } from "../model/route.ts";
import { formatAge } from "../model/time.ts";
import { copyButton } from "./copy-button.ts";
import { type Child, h } from "./dom.ts";

/** A digest as twelve digits, whole in the tooltip and in the clipboard. */
export function digestLabel(digest: string): HTMLElement {
  return h(
    "span",
    { class: "digest" },
    h("code", { title: digest }, shortDigest(digest)),
    copyButton(digest, `the digest ${shortDigest(digest)}`),
  );
}

export function timeLabel(time: Date | undefined): HTMLElement {
  if (time === undefined) return h("span", { class: "dim", title: "The image does not say when it was made" }, "–");
  const exact = time.toISOString().replace("T", " ").slice(0, 19);
  return h("time", { datetime: time.toISOString(), title: `${exact} UTC` }, formatAge(time, new Date()));
}

/** A section with its heading; `aside` stands at the heading's right. */
export function section(heading: string, aside: Child, ...children: Child[]): HTMLElement {
  const id = `section-${heading.toLowerCase().replaceAll(/[^a-z]+/g, "-")}`;
  return h(
    "section",
    { "aria-labelledby": id },
    h("div", { class: "section-head" }, h("h2", { id }, heading), aside),
    ...children,
  );
}

/** Commands to copy, one a line. */
export function commandBlock(commands: readonly { label: string; line: string }[]): HTMLElement {
  const lines = commands.map(({ label, line }) =>
    h(
      "div",
      { class: "command" },
      h("span", { class: "command-label" }, label),
      h("code", {}, line),
      copyButton(line, `the command: ${label}`),
    ),
  );
  return h("div", { class: "commands" }, ...lines);
}

/** The way back: what contains what is shown. Its own name stands below, as the heading. */
export function breadcrumb(name = ""): HTMLElement {
  const crumbs = [h("li", {}, h("a", { href: "#/" }, "Repositories"))];
  if (name !== "") crumbs.push(h("li", {}, h("a", { href: routeTo(name) }, name)));
  return h("nav", { class: "crumbs", "aria-label": "Path" }, h("ol", {}, ...crumbs));
}

/** A field that narrows the list below it; `/` goes there. */
export function filterField(label: string, query = ""): HTMLInputElement {
  return h("input", {
    type: "search",
    id: "filter",
    placeholder: label,
    "aria-label": label,
    "aria-keyshortcuts": "/",
    autocomplete: "off",
    spellcheck: "false",
    value: query,
  });
}

export function pill(label: string, kind = ""): HTMLElement {
  return h("span", { class: `pill ${kind}`.trim() }, label);
}
