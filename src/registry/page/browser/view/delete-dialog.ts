import { isDigest, routeTo, shortDigest } from "../model/route.ts";
import { RequestFailed } from "../registry/request-failed.ts";
import { type Names, tagsOfDigest } from "../registry/tags-of-digest.ts";
import type { Context } from "./context.ts";
import { openDialog } from "./dialog.ts";
import { announce, h } from "./dom.ts";
import { icon } from "./icons.ts";
import { failureNotice, fill } from "./notice.ts";

export interface Doomed {
  name: string;
  /** A tag or a digest. */
  reference: string;
  digest: string;
}

/** The button that opens the dialog; nothing where the registry does not allow to delete. */
export function deleteButton(context: Context, doomed: Doomed): HTMLElement | undefined {
  if (!context.settings.delete || context.settings.readOnly) return undefined;
  const open = () => openDeleteDialog(context, doomed);
  return h("button", { type: "button", class: "danger-quiet", onclick: open }, icon("trash"), "Delete…");
}

function openDeleteDialog(context: Context, doomed: Doomed): void {
  const slot = h("div", { class: "dialog-body" });
  const dialog = openDialog("Delete from this registry", slot);
  context.signal.addEventListener("abort", () => dialog.close(), { once: true });
  fill(slot, context.signal, async () => {
    const names = await tagsOfDigest(context.registry, doomed.name, doomed.digest);
    return choiceForm({ context, doomed, names, dialog });
  });
}

interface Choosing {
  context: Context;
  doomed: Doomed;
  names: Names;
  dialog: HTMLDialogElement;
}

/** Names what goes before it goes: the one tag, or the image with all its tags. */
function choiceForm(choosing: Choosing): HTMLElement[] {
  const { doomed, names, dialog } = choosing;
  const tagOnly = !isDigest(doomed.reference);
  const everything = h("div", {}, h("p", {}, "These go:"), list(doomed, names));
  const options = tagOnly
    ? [
        option("tag", `Only the tag ${doomed.reference}`, tagConsequence(doomed, names), true),
        option("image", "The image with all its tags", everything, false),
      ]
    : [everything];
  const confirm = h("button", { type: "submit", class: "danger" });
  const problem = h("div");
  const cancel = h("button", { type: "button", onclick: () => dialog.close() }, "Cancel");
  const note = h(
    "p",
    { class: "dim" },
    "This cannot be taken back. The space is free after the registry's next garbage collection.",
  );
  const form = h("form", {}, ...options, note, problem, h("div", { class: "actions" }, cancel, confirm));
  const reference = () => {
    const chosen = new FormData(form).get("what");
    return tagOnly && chosen === "tag" ? doomed.reference : doomed.digest;
  };
  const label = () =>
    confirm.replaceChildren(isDigest(reference()) ? imageLabel(names) : `Delete tag ${doomed.reference}`);
  label();
  form.addEventListener("change", label);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    confirm.disabled = true;
    void perform(choosing, reference(), problem).finally(() => {
      confirm.disabled = false;
    });
  });
  // The dialog was open before its content was there, so the browser looked for no button to begin at.
  requestAnimationFrame(() => cancel.focus());
  return [form];
}

function imageLabel({ tags }: Names): string {
  if (tags.length === 0) return "Delete image";
  return `Delete image and ${tags.length} tag${tags.length === 1 ? "" : "s"}`;
}

function tagConsequence({ reference, digest }: Doomed, { tags }: Names): string {
  const others = tags.filter((tag) => tag !== reference);
  const left = others.length === 0 ? "known by its digest only" : `as ${others.join(", ")}`;
  return `The image ${shortDigest(digest)} stays, ${left}.`;
}

function list({ name, digest }: Doomed, { tags, complete }: Names): HTMLElement {
  const items = tags.map((tag) => h("li", {}, "tag ", h("code", {}, `${name}:${tag}`)));
  const more = complete
    ? undefined
    : h("li", { class: "dim" }, "other tags of it, if there are any: not all could be looked at");
  return h(
    "ul",
    { class: "doomed" },
    h("li", {}, "image ", h("code", {}, `${name}@${shortDigest(digest)}`)),
    ...items,
    more,
  );
}

function option(value: string, label: string, consequence: string | HTMLElement, checked: boolean): HTMLElement {
  const input = h("input", { type: "radio", name: "what", value, checked });
  return h(
    "label",
    { class: "option" },
    input,
    h("span", {}, h("b", {}, label), h("span", { class: "dim" }, consequence)),
  );
}

async function perform(choosing: Choosing, reference: string, problem: HTMLElement): Promise<void> {
  const { context, doomed, dialog } = choosing;
  try {
    await context.registry.remove(doomed.name, reference);
  } catch (error) {
    if (!isDigest(reference) && isRefusal(error)) {
      const words = "This registry deletes no single tags, only images with all their tags. Choose that, or leave it.";
      problem.replaceChildren(h("p", { class: "notice", role: "alert" }, words));
    } else problem.replaceChildren(failureNotice(error, () => void perform(choosing, reference, problem)));
    return;
  }
  dialog.close();
  announce(`Deleted ${isDigest(reference) ? shortDigest(reference) : reference}`);
  location.hash = routeTo(doomed.name);
}

/** Registries before distribution-spec 1.0 take digests only; they say so with one of these. */
function isRefusal(error: unknown): boolean {
  return error instanceof RequestFailed && error.failure.kind === "answer" && [400, 405].includes(error.failure.status);
}
