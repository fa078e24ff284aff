// <docchat-within>: what the next question is asked of: everything, the own documents, or one collection.

import { get } from "./api.js";
import { on } from "./bus.js";
import { h } from "./dom.js";

/** What is chosen, as fields of a question. */
export function chosen() {
  const value = document.querySelector("[data-within]")?.value;
  return value ? { collections: [value] } : {};
}

/** What an earlier question was asked of, as fields of the next one. */
export function sameAs({ collections, documents }) {
  return { ...(collections ? { collections } : {}), ...(documents?.length ? { documents } : {}) };
}

/** The options of a choice among collections. */
export function options(collections) {
  return [h("option", { value: "personal" }, "My documents"), ...collections.map((found) => h("option", { value: found.id }, found.name))];
}

class Within extends HTMLElement {
  connectedCallback() {
    this.select = this.querySelector("[data-within]");
    on("signed-in", () => this.load());
    this.load();
  }

  async load() {
    try {
      const { collections } = await get("collections");
      const before = this.select.value;
      this.select.replaceChildren(h("option", { value: "" }, "Everything"), ...options(collections));
      this.select.value = [...this.select.options].some((found) => found.value === before) ? before : "";
      this.hidden = !collections.length;
    } catch {
      this.hidden = true;
    }
  }
}

customElements.define("docchat-within", Within);
