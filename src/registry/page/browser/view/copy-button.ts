import { announce, h } from "./dom.ts";
import { icon } from "./icons.ts";

const SHOWN_MS = 1_500;

/** A button that copies `content`; `what` names it: `Copy the digest`. */
export function copyButton(content: string, what: string): HTMLButtonElement {
  const label = `Copy ${what}`;
  const button = h("button", { type: "button", class: "quiet", "aria-label": label, title: label }, icon("copy"));
  button.addEventListener("click", () => {
    copy(content).then(
      () => confirmCopy(button),
      () => announce("Copying is not allowed here: select the text and copy it."),
    );
  });
  return button;
}

function confirmCopy(button: HTMLButtonElement): void {
  button.replaceChildren(icon("done"));
  button.classList.add("done");
  announce("Copied");
  setTimeout(() => {
    button.replaceChildren(icon("copy"));
    button.classList.remove("done");
  }, SHOWN_MS);
}

/** Browsers offer the clipboard only to pages from HTTPS or localhost; a registry in a local network has often neither. */
async function copy(content: string): Promise<void> {
  if (navigator.clipboard !== undefined) return navigator.clipboard.writeText(content);
  const field = h("textarea", { class: "hidden", readonly: true });
  field.value = content;
  const focused = document.activeElement;
  (document.querySelector("dialog[open]") ?? document.body).append(field);
  field.select();
  const copied = document.execCommand("copy");
  field.remove();
  if (focused instanceof HTMLElement) focused.focus();
  if (!copied) throw new Error("the browser refused to copy");
}
