import { pushCommands } from "../model/commands.ts";
import { markMatches, matches } from "../model/filter.ts";
import { isReferrersTag } from "../model/kind.ts";
import { routeTo, routeToSearch } from "../model/route.ts";
import { unlessMissing } from "../registry/registry.ts";
import type { Context, View } from "./context.ts";
import { announce, h, whenNear } from "./dom.ts";
import { icon } from "./icons.ts";
import { failureNotice } from "./notice.ts";
import { commandBlock, filterField } from "./parts.ts";
import { createRepositoryNames, type RepositoryNames } from "./repository-names.ts";

/** Rows added at a time; the next ones follow when the end comes near the screen. */
const ROWS = 100;

/** Every repository, with a filter that looks through all of them. */
export function repositoriesView(context: Context, query: string): View {
  const names = createRepositoryNames(context);
  const field = filterField("Filter repositories", query);
  const count = h("span", { class: "count" });
  const rows = h("ul", { class: "rows", id: "repositories" });
  const end = h("div", { class: "end" });
  const search = h("div", { class: "search" }, icon("search"), field, h("kbd", { "aria-hidden": "true" }, "/"));
  const head = h("div", { class: "page-head" }, h("h1", { tabindex: -1 }, "Repositories"), count, search);
  const element = h("div", {}, head, rows, end);
  const list = createList({ context, names, rows, count, end, query: () => field.value.trim() });
  field.addEventListener("input", () => {
    // Replaced, not pushed: the back button leaves the list instead of taking back letters.
    history.replaceState(history.state, "", routeToSearch(field.value.trim()));
    list.restart();
  });
  field.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && field.value !== "") {
      event.preventDefault();
      field.value = "";
      field.dispatchEvent(new Event("input"));
    }
    if (event.key === "ArrowDown") rows.querySelector("a")?.focus();
  });
  rows.addEventListener("keydown", (event) => moveFocus(event, field));
  list.restart();
  return { title: "Repositories", element };
}

interface ListParts {
  context: Context;
  names: RepositoryNames;
  rows: HTMLElement;
  count: HTMLElement;
  end: HTMLElement;
  query: () => string;
}

function createList({ context, names, rows, count, end, query }: ListParts): { restart(): void } {
  const { signal } = context;
  let run = 0;
  let shown = 0;

  async function extend(own: number): Promise<void> {
    const wanted = shown + ROWS;
    const found = () => names.loaded().filter((name) => matches(name, query()));
    try {
      while (found().length < wanted && !names.complete()) {
        await names.more();
        if (signal.aborted || own !== run) return;
        draw(found().slice(0, wanted));
      }
    } catch (error) {
      if (!signal.aborted && own === run) end.replaceChildren(failureNotice(error, () => void extend(own)));
      return;
    }
    draw(found().slice(0, wanted));
    finish(own, found().length);
  }

  function draw(wanted: string[]): void {
    const added = wanted.slice(shown).map((name) => row(context, name, query()));
    rows.append(...added);
    shown = wanted.length;
    showCount();
  }

  function showCount(): void {
    const all = names.loaded();
    const found = all.filter((name) => matches(name, query())).length;
    const total = `${all.length.toLocaleString("en")}${names.complete() ? "" : "+"}`;
    const text = query() === "" ? total : `${found.toLocaleString("en")} of ${total}`;
    count.replaceChildren(text);
    if (names.complete()) announce(`${text} repositories`);
  }

  function finish(own: number, found: number): void {
    if (found > shown || !names.complete()) {
      const more = h("button", { type: "button", onclick: () => void extend(own) }, "Show more");
      end.replaceChildren(more);
      whenNear(more, signal, () => void (own === run && extend(own)));
    } else if (names.loaded().length === 0) end.replaceChildren(emptyRegistry(context));
    else if (found === 0)
      end.replaceChildren(h("p", { class: "empty" }, `No repository has “${query()}” in its name.`));
    else end.replaceChildren();
  }

  return {
    restart() {
      run++;
      shown = 0;
      rows.replaceChildren();
      end.replaceChildren();
      void extend(run);
    },
  };
}

function row(context: Context, name: string, query: string): HTMLElement {
  const slash = name.lastIndexOf("/") + 1;
  const label = h("span", { class: "name" });
  let at = 0;
  for (const { text, hit } of markMatches(name, query)) {
    // The last word of a name is what people look for: the path before it is dim.
    const [path, own] = [text.slice(0, Math.max(0, slash - at)), text.slice(Math.max(0, slash - at))];
    for (const [part, dim] of [[path, true] as const, [own, false] as const]) {
      if (part !== "") label.append(h(hit ? "mark" : "span", dim ? { class: "dim" } : {}, part));
    }
    at += text.length;
  }
  const tags = h("span", { class: "aside" });
  const item = h("li", {}, h("a", { href: routeTo(name) }, label, tags));
  whenNear(item, context.signal, () => {
    countTags(context, name).then(
      (count) => tags.append(count),
      // The list stays usable; the repository's own page says what is wrong.
      () => tags.append("not readable"),
    );
  });
  return item;
}

async function countTags({ registry, signal }: Context, name: string): Promise<string> {
  // A repository whose tags were all deleted is still in the catalogue, and its list is an error.
  const page = await registry.tags(name, undefined, signal).catch(unlessMissing);
  const count = page?.items.filter((tag) => !isReferrersTag(tag)).length ?? 0;
  return `${count === 0 ? "no" : count}${page?.next === undefined ? "" : "+"} tag${count === 1 ? "" : "s"}`;
}

function moveFocus(event: KeyboardEvent, field: HTMLElement): void {
  const item = (event.target as Element).closest("li");
  if (event.key === "ArrowDown") (item?.nextElementSibling?.querySelector("a") ?? undefined)?.focus();
  else if (event.key === "ArrowUp") (item?.previousElementSibling?.querySelector("a") ?? field).focus();
  else return;
  event.preventDefault();
}

function emptyRegistry({ host, settings }: Context): HTMLElement {
  if (settings.readOnly || settings.proxyOf !== "") {
    const first =
      settings.proxyOf === ""
        ? "Nothing was pushed before it was made read-only."
        : "Nothing was pulled through it yet.";
    return h("div", { class: "empty" }, h("h2", {}, "This registry is empty"), h("p", {}, first));
  }
  return h(
    "div",
    { class: "empty" },
    h("h2", {}, "This registry is empty"),
    h("p", {}, "Give an image of yours a name that begins with this host, and push it:"),
    commandBlock(pushCommands(host)),
  );
}
