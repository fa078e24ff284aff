// The form that asks for the password of a locked document or attachment.

import { post } from "./api.js";
import { h } from "./dom.js";
import { t } from "./i18n.js";

/** Opening a document reads it at once: a long one takes its time. */
const PATIENCE = 120_000;

/**
 * A form for the file `found`. `path` is where the API has it; `opened` gets the file as it is then, and is called as
 * well when it does not wait for a password any more. The password is sent once and is not kept here either.
 */
export function passwordForm(found, path, opened) {
  const id = `unlock-${found.id}`;
  const field = h("input", { type: "password", id, required: true, maxlength: "1024", autocomplete: "off", spellcheck: "false", "aria-describedby": `${id}-problem` });
  const button = h("button", { class: "button small" }, t("Open"));
  const problem = h("p", { class: "unlock-problem", id: `${id}-problem`, role: "alert" });
  const label = h("label", { for: id }, h("span", {}, t("Password")), h("span", { class: "sr" }, t(" of {name}", { name: found.name })));
  const form = h("form", { class: "unlock", dataset: { unlock: found.id } }, label, field, button, problem);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (button.disabled) return;
    working(true);
    try {
      const fresh = await post(path, { password: field.value }, { patience: PATIENCE });
      field.value = "";
      opened(fresh);
    } catch (error) {
      if (error.code === "not_locked" || error.status === 404) return opened(null);
      refused(error);
    } finally {
      working(false);
    }
  });

  function working(on) {
    button.disabled = field.readOnly = on;
    button.textContent = on ? t("Opening…") : t("Open");
    if (on) problem.textContent = "";
  }

  function refused(error) {
    const wrong = error.code === "locked";
    problem.textContent = wrong ? t("This password does not open it. Please try another.") : error.message;
    field.setAttribute("aria-invalid", String(wrong));
    field.focus();
    field.select();
  }

  return form;
}
