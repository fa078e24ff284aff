// <docchat-feedback>: thumbs and a comment on one answer. What is shown as saved is saved.

import { request } from "./api.js";
import { h, icon } from "./dom.js";
import { t } from "./i18n.js";

const MOST = 2000;

class Feedback extends HTMLElement {
  #path = "";
  #given = null;
  #busy = false;

  /** `path` is the feedback's address below the API; `given` is {rating, comment} or null. */
  show(path, given) {
    this.#path = path;
    this.#given = given ?? null;
    this.setAttribute("role", "group");
    this.setAttribute("aria-label", t("Feedback on this answer"));
    this.up = this.#thumb("up", t("Good answer"));
    this.down = this.#thumb("down", t("Bad answer"));
    this.line = h("span", { class: "feedback-state", role: "status" });
    this.form = this.#form();
    this.replaceChildren(this.up, this.down, this.line, this.form);
    this.#look();
  }

  #thumb(rating, words) {
    return h("button", { type: "button", class: "quiet", title: words, onclick: () => this.#rate(rating) }, icon(`thumb-${rating}`), h("span", { class: "sr" }, words));
  }

  #form() {
    const box = h("textarea", { name: "comment", rows: "2", maxlength: MOST, placeholder: t("What was good or wrong? (optional)"), "aria-label": t("Comment on this answer") });
    const send = h("button", { class: "button small primary" }, t("Save comment"));
    const close = h("button", { type: "button", class: "button small", onclick: () => this.#close() }, t("Close"));
    const form = h("form", { class: "feedback-form", hidden: true }, box, h("p", { class: "soft" }, t("Kept with this chat, sealed, and cleared with it.")), h("div", { class: "feedback-actions" }, close, send));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#save(this.#given?.rating, box.value.trim(), true);
    });
    form.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      event.preventDefault();
      event.stopPropagation();
      this.#close();
    });
    return form;
  }

  async #rate(rating) {
    if (this.#given?.rating === rating) return this.#takeBack();
    const saved = await this.#save(rating, this.#given?.comment ?? "", false);
    if (!saved) return;
    this.form.elements.comment.value = this.#given.comment;
    this.form.hidden = false;
    this.form.elements.comment.focus();
  }

  async #save(rating, comment, close) {
    const kept = await this.#send("PUT", { rating, comment });
    if (!kept) return false;
    this.#given = { rating, comment };
    this.#look();
    this.#say(comment && close ? t("Comment saved. Thank you.") : t("Saved. Thank you."));
    if (close) this.#close();
    return true;
  }

  async #takeBack() {
    if (!(await this.#send("DELETE"))) return;
    this.#given = null;
    this.#look();
    this.#close();
    this.#say(t("Taken back."));
  }

  /** True when the server has it. */
  async #send(method, body) {
    if (this.#busy) return false;
    this.#busy = true;
    this.#say(t("Saving…"));
    try {
      await request(method, this.#path, { body });
      return true;
    } catch (error) {
      this.#say(t("{problem} Not saved.", { problem: error.message }), true);
      return false;
    } finally {
      this.#busy = false;
    }
  }

  #say(words, failed = false) {
    this.line.textContent = words;
    this.line.classList.toggle("failed", failed);
  }

  #look() {
    for (const [rating, button] of [["up", this.up], ["down", this.down]]) button.setAttribute("aria-pressed", String(this.#given?.rating === rating));
  }

  #close() {
    if (this.form.hidden) return;
    this.form.hidden = true;
    (this.#given?.rating === "down" ? this.down : this.up).focus();
  }
}

customElements.define("docchat-feedback", Feedback);

/** The element for one answer. */
export function feedback(session, message) {
  const found = h("docchat-feedback", { class: "feedback" });
  found.show(`sessions/${session}/messages/${message.id}/feedback`, message.feedback);
  return found;
}
