import { pushCommands } from "../model/commands.ts";
import { isReferrersTag } from "../model/kind.ts";
import { routeTo } from "../model/route.ts";
import { formatSizes } from "../model/size.ts";
import { inReadingOrder } from "../model/tag-order.ts";
import { type Summary, summarize } from "../registry/summarize.ts";
import type { Context, View } from "./context.ts";
import { h, whenNear } from "./dom.ts";
import { failureNotice, fill } from "./notice.ts";
import { breadcrumb, commandBlock, digestLabel, filterField, pill, timeLabel } from "./parts.ts";

/** Platforms named in a row; the others are counted. */
const PLATFORMS_NAMED = 3;
/** From this many tags on, a field to filter them is worth its place. */
const WORTH_FILTERING = 8;

/** The tags of one repository. */
export function repositoryView(context: Context, name: string): View {
  const count = h("span", { class: "count" });
  const search = h("div", { class: "search", hidden: true });
  const slot = h("div");
  const element = h(
    "div",
    {},
    breadcrumb(),
    h("div", { class: "page-head" }, h("h1", { tabindex: -1 }, name), count, search),
    slot,
  );
  fill(slot, context.signal, async () => {
    const page = await context.registry.tags(name, undefined, context.signal);
    if (page.items.length === 0) return [emptyRepository(context, name)];
    const list = createTagList(context, name, { count, search });
    list.add(page.next === undefined ? inReadingOrder(page.items) : page.items, page.next);
    return [list.element];
  });
  return { title: name, element };
}

function emptyRepository({ host, settings }: Context, name: string): HTMLElement {
  return h(
    "div",
    { class: "empty" },
    h("h2", {}, "No tags"),
    h("p", {}, "What was here has been deleted, or is known by digest only."),
    settings.readOnly || settings.proxyOf !== "" ? undefined : commandBlock(pushCommands(host, name)),
  );
}

interface TagList {
  element: HTMLElement;
  add(tags: readonly string[], next: string | undefined): void;
}

function createTagList(context: Context, name: string, head: { count: HTMLElement; search: HTMLElement }): TagList {
  const columns = ["Tag", "Kind", "Platforms", "Size", "Created", "Digest"];
  const headings = columns.map((column) => h("th", { scope: "col", class: `c-${column.toLowerCase()}` }, column));
  const body = h("tbody");
  const table = h("table", { class: "tags" }, h("thead", {}, h("tr", {}, ...headings)), body);
  const helpers = h("tbody");
  const more = h("details", { class: "helpers", hidden: true }, h("summary"), h("table", { class: "tags" }, helpers));
  const end = h("div", { class: "end" });
  const element = h("div", {}, table, end, more);
  let total = 0;

  const extend = (next: string) =>
    context.registry.tags(name, next, context.signal).then(
      (page) => !context.signal.aborted && add(page.items, page.next),
      (error: unknown) => !context.signal.aborted && end.replaceChildren(failureNotice(error, () => void extend(next))),
    );
  function add(tags: readonly string[], next: string | undefined): void {
    total += tags.length;
    for (const tag of tags) (isReferrersTag(tag) ? helpers : body).append(tagRow(context, name, tag));
    const hidden = helpers.children.length;
    more.hidden = hidden === 0;
    more
      .querySelector("summary")
      ?.replaceChildren(`${hidden} tag${hidden === 1 ? "" : "s"} with signatures or other referrers`);
    head.count.replaceChildren(countOf(total - hidden, next !== undefined));
    if (total > WORTH_FILTERING && head.search.hidden) showFilter(head.search, body);
    end.replaceChildren();
    if (next === undefined) return;
    const button = h("button", { type: "button", onclick: () => void extend(next) }, "Show more");
    end.append(button);
    whenNear(button, context.signal, () => void extend(next));
  }
  return { element, add };
}

function countOf(count: number, more: boolean): string {
  return `${count.toLocaleString("en")}${more ? "+" : ""} tag${count === 1 && !more ? "" : "s"}`;
}

/** Hides rows whose tag lacks what is typed, also of those that come later. */
function showFilter(place: HTMLElement, body: HTMLElement): void {
  const field = filterField("Filter tags");
  const apply = () => {
    const wanted = field.value.trim().toLowerCase();
    for (const row of body.querySelectorAll("tr")) row.hidden = !(row.dataset.tag ?? "").includes(wanted);
  };
  field.addEventListener("input", apply);
  new MutationObserver(apply).observe(body, { childList: true });
  place.append(field, h("kbd", { "aria-hidden": "true" }, "/"));
  place.hidden = false;
}

function tagRow(context: Context, name: string, tag: string): HTMLElement {
  const cell = (column: string, ...content: (Node | string)[]) =>
    h("td", { class: `c-${column}`, "data-label": column }, ...content);
  const link = h("a", { href: routeTo(name, tag) }, tag);
  const waiting = ["kind", "platforms", "size", "created", "digest"].map((column) => cell(column));
  const row = h("tr", { "data-tag": tag.toLowerCase(), "aria-busy": "true" }, cell("tag", link), ...waiting);
  whenNear(row, context.signal, () => {
    summarize({ registry: context.registry, name, signal: context.signal }, tag)
      .then(
        (summary) => waiting.forEach((slot, index) => slot.append(...(contents(summary)[index] ?? []))),
        () => waiting[0]?.append(h("span", { class: "dim" }, "cannot be read")),
      )
      .finally(() => row.removeAttribute("aria-busy"));
  });
  return row;
}

function contents({ kind, platforms, sizes, created, digest }: Summary): (Node | string)[][] {
  const named = platforms.slice(0, PLATFORMS_NAMED).map((platform) => h("span", { class: "platform" }, platform));
  const others = platforms.slice(PLATFORMS_NAMED);
  const rest = h("span", { class: "dim", title: others.join(", ") }, `+${others.length}`);
  return [
    [pill(kind.label, kind.group)],
    others.length === 0 ? named : [...named, rest],
    [formatSizes(sizes)],
    [timeLabel(created)],
    [digestLabel(digest)],
  ];
}
