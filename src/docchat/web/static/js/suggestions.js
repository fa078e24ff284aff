// <docchat-suggestions>: questions as buttons, to begin with or to go on. They come from the server, which has tried each.

import { get } from "./api.js";
import { emit, on } from "./bus.js";
import { h, icon } from "./dom.js";
import { homeOf } from "./home.js";
import { t } from "./i18n.js";
import { chosen } from "./scope.js";

class Suggestions extends HTMLElement {
  /** Show these; `within()` is what they are asked of, what is chosen unless given. */
  show(title, questions, within = null) {
    this.hidden = !questions.length;
    if (this.hidden) return this.replaceChildren();
    const ask = (question) => () => emit("ask", { question, within: within?.(), home: homeOf(this) });
    const buttons = questions.map((question) => h("li", {}, h("button", { type: "button", class: "suggestion", onclick: ask(question) }, icon("ask"), h("span", { dir: "auto" }, question))));
    this.setAttribute("role", "group");
    this.setAttribute("aria-label", title);
    this.replaceChildren(h("p", { class: "soft suggestions-title", "aria-hidden": "true" }, title), h("ul", {}, ...buttons));
  }

  /** Questions to begin with, about what is chosen. */
  async begin() {
    const query = Object.entries(chosen()).map(([name, ids]) => `${name}=${ids.map(encodeURIComponent).join(",")}`);
    try {
      const { questions } = await get(`suggestions${query.length ? `?${query.join("&")}` : ""}`);
      if (this.isConnected) this.show(t("You might ask"), questions);
    } catch {
      // They are a help, not a promise: without them the box for questions is all there is.
      this.hidden = true;
    }
  }
}

customElements.define("docchat-suggestions", Suggestions);

on("scope", () => document.querySelectorAll("docchat-suggestions[data-first]").forEach((found) => found.begin()));

/** The element for an empty chat. */
export function firstSuggestions() {
  const found = h("docchat-suggestions", { dataset: { first: "" }, hidden: true });
  found.begin();
  return found;
}

/** The element below an answer. */
export function followUps(questions, within) {
  const found = h("docchat-suggestions", { class: "follow-ups" });
  found.show(t("Go on with"), questions, within);
  return found;
}
