import { registryHost } from "./model/commands.ts";
import { parseRoute } from "./model/route.ts";
import { createRegistry, type Registry } from "./registry/registry.ts";
import { loadSettings, type Settings } from "./registry/settings.ts";
import { createTokens } from "./registry/tokens.ts";
import { createTransport } from "./registry/transport.ts";
import type { Context, View } from "./view/context.ts";
import { h } from "./view/dom.ts";
import { manifestView } from "./view/manifest-view.ts";
import { repositoriesView } from "./view/repositories-view.ts";
import { repositoryView } from "./view/repository-view.ts";
import { createScrollKeeper } from "./view/scroll-keeper.ts";
import { askCredentials } from "./view/sign-in-dialog.ts";

/** The program of the page: shows the view that the address names, each time that it changes. */
const main = document.querySelector("main") ?? document.body;
const host = registryHost(location);
const { origin } = location;

function viewOf(context: Context): View {
  const route = parseRoute(location.hash);
  switch (route.page) {
    case "repositories":
      return repositoriesView(context, route.query);
    case "repository":
      return repositoryView(context, route.name);
    case "manifest":
      return manifestView(context, route);
    case "unknown":
      return { title: "Not found", element: unknownAddress() };
  }
}

function unknownAddress(): HTMLElement {
  return h(
    "div",
    { class: "empty" },
    h("h1", { tabindex: -1 }, "No such page"),
    h("p", {}, "The address names neither a repository nor an image. A name has lower-case letters only."),
    h("p", {}, h("a", { href: "#/" }, "All repositories")),
  );
}

function start(registry: Registry, settings: Settings): void {
  const scroll = createScrollKeeper();
  let controller = new AbortController();
  let first = true;
  const show = () => {
    controller.abort();
    controller = new AbortController();
    const context: Context = { registry, settings, host, signal: controller.signal };
    const view = viewOf(context);
    document.title = `${view.title} · ${host}`;
    main.replaceChildren(view.element);
    scroll.arrive(controller.signal);
    // Where the new content begins; not at the first look, where the browser begins at the top by itself.
    if (!first) view.element.querySelector("h1")?.focus({ preventScroll: true });
    first = false;
  };
  window.addEventListener("hashchange", show);
  show();
}

/** `/` goes to the filter, as on many sites. */
function listenForSlash(): void {
  window.addEventListener("keydown", (event) => {
    const typing = event.target instanceof HTMLElement && event.target.matches("input, textarea, select");
    if (event.key !== "/" || typing || event.ctrlKey || event.metaKey || event.altKey) return;
    const field = document.getElementById("filter");
    if (field === null) return;
    event.preventDefault();
    field.focus();
  });
}

function describe({ version, proxyOf, readOnly }: Settings): void {
  const facts = [host, proxyOf !== "" && `cache of ${proxyOf}`, readOnly && "read-only"].filter(
    (fact) => fact !== false,
  );
  document.getElementById("about")?.replaceChildren(...facts.map((fact) => h("span", {}, fact)));
  if (version !== "") document.getElementById("version")?.replaceChildren(`Gantry ${version}`);
}

listenForSlash();
const settings = await loadSettings(origin);
describe(settings);
start(createRegistry(createTransport(createTokens(origin, askCredentials), origin), origin), settings);
