import { joinReference, routeTo, shortDigest } from "../model/route.ts";
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
      h("code", { tabindex: 0, "aria-label": `${label}: ${line}` }, line),
      copyButton(line, `the command: ${label}`),
    ),
  );
  return h("div", { class: "commands" }, ...lines);
}

/** Where the user is: each part but the last leads back. */
export function breadcrumb(name: string, reference = ""): HTMLElement {
  const crumbs = [h("li", {}, h("a", { href: "#/" }, "Repositories"))];
  const here = reference === "" ? name : joinReference("", shorten(reference));
  if (reference !== "") crumbs.push(h("li", {}, h("a", { href: routeTo(name) }, name)));
  crumbs.push(h("li", { "aria-current": "page" }, here));
  return h("nav", { class: "crumbs", "aria-label": "Path" }, h("ol", {}, ...crumbs));
}

function shorten(reference: string): string {
  return reference.includes(":") ? reference.slice(0, reference.indexOf(":") + 13) : reference;
}

export function pill(label: string, kind = ""): HTMLElement {
  return h("span", { class: `pill ${kind}`.trim() }, label);
}
