import type { AskCredentials, Credentials } from "../registry/tokens.ts";
import { openDialog } from "./dialog.ts";
import { h } from "./dom.ts";

/** Asks for user name and password; closing the dialog means no. */
export const askCredentials: AskCredentials = (service, rejected) =>
  new Promise<Credentials | undefined>((resolve) => {
    let given: Credentials | undefined;
    const user = h("input", {
      id: "user",
      name: "username",
      autocomplete: "username",
      required: true,
      autofocus: true,
    });
    const password = h("input", {
      id: "password",
      name: "password",
      type: "password",
      autocomplete: "current-password",
      required: true,
    });
    const form = h(
      "form",
      { class: "dialog-body" },
      h("p", {}, `${service} wants to know who you are.`),
      rejected && h("p", { class: "notice", role: "alert" }, "This user name and password were not accepted."),
      h("label", { for: "user" }, "User name"),
      user,
      h("label", { for: "password" }, "Password"),
      password,
      h("p", { class: "dim" }, "Kept in this page's memory only: it is forgotten when you reload or close it."),
      h(
        "div",
        { class: "actions" },
        h("button", { type: "button", onclick: () => dialog.close() }, "Cancel"),
        h("button", { type: "submit", class: "primary" }, "Sign in"),
      ),
    );
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      given = { user: user.value, password: password.value };
      dialog.close();
    });
    const dialog = openDialog("Sign in", form, () => resolve(given));
  });
