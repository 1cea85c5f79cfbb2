import { adviceFor } from "../model/failure.ts";
import { RequestFailed } from "../registry/request-failed.ts";
import { h } from "./dom.ts";

/** What went wrong and what to do, with a button that tries again. */
export function failureNotice(error: unknown, again: () => void): HTMLElement {
  const { title, advice } =
    error instanceof RequestFailed
      ? adviceFor(error.failure)
      : {
          title: "The page failed",
          advice: "This is a fault of the page itself. Reload it; the browser's console has more.",
        };
  if (!(error instanceof RequestFailed)) console.error(error);
  return h(
    "div",
    { class: "notice", role: "alert" },
    h("h2", {}, title),
    h("p", {}, advice),
    h("div", { class: "actions" }, h("button", { type: "button", onclick: again }, "Try again")),
  );
}

/**
 * Puts what `load` makes in the place of `slot`'s content; a failure becomes a notice that tries again. After the signal nothing is
 * drawn. `aria-busy` is on the slot meanwhile, and style shows waiting only where it takes long enough to be seen.
 */
export function fill(slot: HTMLElement, signal: AbortSignal, load: () => Promise<readonly (Node | string)[]>): void {
  slot.setAttribute("aria-busy", "true");
  load()
    .then(
      (content) => slot.replaceChildren(...(signal.aborted ? [] : content)),
      (error: unknown) => {
        if (!signal.aborted) slot.replaceChildren(failureNotice(error, () => fill(slot, signal, load)));
      },
    )
    .finally(() => slot.removeAttribute("aria-busy"));
}
