import type { Registry } from "../registry/registry.ts";
import type { Settings } from "../registry/settings.ts";

/** What a view works with. */
export interface Context {
  registry: Registry;
  settings: Settings;
  /** The registry's name in a reference: `localhost:5000`. */
  host: string;
  /** Ends when the user goes elsewhere: requests stop, nothing is drawn any more. */
  signal: AbortSignal;
}

export interface View {
  /** The part of the window's title that is the view's own. */
  title: string;
  element: HTMLElement;
}
