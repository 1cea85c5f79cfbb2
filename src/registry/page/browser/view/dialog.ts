import { h } from "./dom.ts";

/** Shows a modal dialog; it is gone from the document when it closes. `closed` is called however that happens. */
export function openDialog(
  heading: string,
  content: HTMLElement,
  closed: () => void = () => undefined,
): HTMLDialogElement {
  const id = "dialog-title";
  const dialog = h("dialog", { "aria-labelledby": id }, h("h2", { id }, heading), content);
  dialog.addEventListener("close", () => {
    dialog.remove();
    closed();
  });
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}
