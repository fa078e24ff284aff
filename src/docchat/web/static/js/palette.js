// <docchat-palette>: every action that can be done now, found by its name, with its keys.

import { keyNames, offer, perform, possible } from "./actions.js";
import { h } from "./dom.js";
import { t } from "./i18n.js";

/** Words as they are compared: without accents and capitals. */
const plain = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();

/** How well a name fits what was typed: 0 begins so, 1 a word begins so, 2 holds it; null not at all. */
function fit(name, typed) {
  const words = plain(typed).split(/\s+/).filter(Boolean);
  const all = plain(name);
  if (!words.every((word) => all.includes(word))) return null;
  if (!words.length || all.startsWith(words[0])) return 0;
  return all.split(/[\s\p{P}]+/u).some((word) => word.startsWith(words[0])) ? 1 : 2;
}

/** What is done on every page stands below what is done with what is open. */
const last = ({ id }) => ["page", "look"].indexOf(id.split(".")[0]) + 1;

class Palette extends HTMLElement {
  #found = [];
  #at = 0;

  connectedCallback() {
    this.dialog = this.querySelector("dialog");
    this.input = this.querySelector("input");
    this.list = this.querySelector("[data-list]");
    this.none = this.querySelector("[data-none]");
    this.input.addEventListener("input", () => this.#search());
    this.dialog.addEventListener("keydown", (event) => this.#key(event));
    this.dialog.addEventListener("click", (event) => this.#clicked(event));
    this.dialog.addEventListener("close", () => this.#forget());
    this.querySelector("[data-keys]").addEventListener("click", () => this.#run("page.help"));
    document.querySelector("[data-palette]")?.addEventListener("click", () => this.open());
    offer({ id: "page.palette", name: () => t("All actions"), keys: "Ctrl+K", run: () => this.open() });
  }

  open() {
    this.input.value = "";
    this.dialog.showModal();
    this.#search();
    this.input.focus();
  }

  /** An action may name what is on the screen: nothing of it stays in a dialogue that nobody sees. */
  #forget() {
    this.#found = [];
    this.list.replaceChildren();
  }

  #search() {
    const named = possible().filter(({ id }) => id !== "page.palette").map((action) => ({ id: action.id, keys: action.keys, name: action.name() }));
    const fitting = named.map((action) => ({ ...action, fit: fit(action.name, this.input.value) })).filter((action) => action.fit !== null);
    this.#found = fitting.sort((a, b) => a.fit - b.fit || last(a) - last(b));
    this.#at = 0;
    this.none.textContent = this.#found.length ? "" : t("No action is called that.");
    this.#draw();
  }

  #draw() {
    this.list.replaceChildren(...this.#found.map((action, place) => this.#item(action, place)));
    this.#mark();
  }

  #item({ id, name, keys }, place) {
    const shown = keyNames(keys).map((key) => h("kbd", {}, key));
    const attributes = { id: `palette-${place}`, class: "palette-item", role: "option", dataset: { action: id } };
    return h("li", attributes, h("span", { dir: "auto" }, name), h("span", { class: "keys", dir: "ltr" }, ...shown));
  }

  #mark() {
    [...this.list.children].forEach((item, place) => {
      item.setAttribute("aria-selected", String(place === this.#at));
      if (place === this.#at) item.scrollIntoView({ block: "nearest" });
    });
    if (this.#found.length) this.input.setAttribute("aria-activedescendant", `palette-${this.#at}`);
    else this.input.removeAttribute("aria-activedescendant");
  }

  #key(event) {
    if (event.isComposing) return;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const count = this.#found.length;
    if (step && count) {
      this.#at = (this.#at + step + count) % count;
      this.#mark();
    } else if (event.key === "Enter" && event.target === this.input) {
      if (count) this.#run(this.#found[this.#at].id);
    } else if ((event.ctrlKey || event.metaKey) && (event.key.toLowerCase() === "k" || event.code === "KeyK")) {
      this.dialog.close();
    } else return;
    event.preventDefault();
  }

  #clicked(event) {
    if (event.target === this.dialog) return this.dialog.close();
    const item = event.target.closest("[data-action]");
    if (item) this.#run(item.dataset.action);
  }

  /** Closed first: the focus is back where it was when the action begins. */
  #run(id) {
    this.dialog.close();
    perform(id);
  }
}

customElements.define("docchat-palette", Palette);
