// The box in which a question is asked in other words, in its place. Enter sends, Escape leaves everything as it is.

import { context } from "./context.js";
import { h, points } from "./dom.js";
import { n, t } from "./i18n.js";

let made = 0;

/**
 * `text` to begin with, `after` how many messages follow the question, `problem` why it was not taken before;
 * `send(text)` and `leave()` are called once.
 */
export function editor({ text, after, problem, send, leave }) {
  const box = h("textarea", { name: "question", rows: "1", "aria-label": t("Your question in other words"), "aria-describedby": `edit-hint-${(made += 1)}` });
  box.value = text;
  const goes = n(after, "This replaces the question and the answer below.", "This replaces the question and the {count} messages below.");
  const hint = h("p", { class: "soft", id: `edit-hint-${made}` }, after ? `${goes} ` : "", t("Enter sends, Escape leaves it as it is."));
  const cancel = h("button", { type: "button", class: "button small", onclick: leave }, t("Cancel"));
  const go = h("button", { class: "button small primary" }, after ? t("Ask and replace") : t("Ask"));
  const trouble = problem ? h("p", { class: "problem", role: "alert" }, problem) : null;
  const form = h("form", { class: "edit" }, box, trouble, h("div", { class: "edit-row" }, hint, cancel, go));
  const look = () => {
    const length = points(box.value.trim());
    go.disabled = !length || length > context().questionChars;
    if (!CSS.supports("field-sizing", "content")) box.rows = Math.min(12, box.value.split("\n").length);
  };
  box.addEventListener("input", look);
  box.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      if (!go.disabled) form.requestSubmit();
    }
  });
  form.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    event.preventDefault();
    leave();
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send(box.value.trim());
  });
  look();
  return form;
}
