// <docchat-within>: the button that says what is asked, the choice beside the box for questions, and its dialogue.

import { get, post } from "./api.js";
import { emit, on } from "./bus.js";
import { h, iconButton } from "./dom.js";
import { n, t } from "./i18n.js";
import { choose, current, fromFragment, leaveOut, MOST, scopeWords } from "./scope.js";

const TYPED = 200;
const SHOWN = 3;
const PERSONAL = "personal";
const mine = () => ({ id: PERSONAL, name: t("My documents") });

/** The options of a choice among collections. */
export function options(collections) {
  return [mine(), ...collections].map(({ id, name }) => h("option", { value: id }, name));
}

class Within extends HTMLElement {
  #collections = [];
  #found = [];
  #ticket = 0;
  #timer = 0;

  connectedCallback() {
    this.open = this.querySelector("[data-scope-open]");
    this.chips = document.querySelector("[data-scope]");
    this.dialog = document.querySelector("[data-chooser]");
    this.search = this.#part("name");
    this.open.addEventListener("click", () => this.#show());
    this.search.addEventListener("input", () => {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.#look(), TYPED);
    });
    this.search.addEventListener("keydown", (event) => event.key === "Enter" && event.preventDefault());
    this.#part("everything").addEventListener("click", () => {
      choose();
      this.dialog.close();
    });
    this.#part("done").addEventListener("click", () => this.dialog.close());
    this.dialog.addEventListener("click", (event) => event.target === this.dialog && this.dialog.close());
    on("scope", () => this.#draw());
    on("scope-doubt", () => this.#check());
    this.#begin(fromFragment());
    this.#draw();
  }

  #part(name) {
    return this.dialog.querySelector(`[data-${name}]`);
  }

  /** From the documents page: what was chosen there. */
  async #begin(ids) {
    const found = await Promise.all(ids.map((id) => get(`documents/${encodeURIComponent(id)}`).catch(() => null)));
    const documents = found.filter(Boolean);
    if (documents.length) choose({ documents });
    if (documents.length < ids.length) emit("notice", { text: t("Some of the chosen documents could not be found.") });
  }

  /** Something of the choice may be gone: ask for each. */
  async #check() {
    const { collections, documents } = current();
    const there = (path) => get(path).then(() => true, (error) => error.status !== 404);
    const kept = async (list, path) => {
      const known = await Promise.all(list.map(({ id }) => id === PERSONAL || there(`${path}/${id}`)));
      return list.filter((_, index) => known[index]);
    };
    choose({ collections: await kept(collections, "collections"), documents: await kept(documents, "documents") });
  }

  #show() {
    this.search.value = "";
    this.#part("problem").hidden = true;
    this.dialog.showModal();
    this.#load();
    this.#look();
  }

  async #load() {
    try {
      this.#collections = [mine(), ...(await get("collections")).collections];
      this.#drawCollections();
    } catch (error) {
      this.#problem(error);
    }
  }

  async #look() {
    const ticket = ++this.#ticket;
    try {
      const { documents } = await post("documents/search", { name: this.search.value });
      if (ticket !== this.#ticket) return;
      this.#found = documents.filter(({ state }) => state === "ready");
      this.#part("problem").hidden = true;
      this.#drawDocuments();
      this.#part("count").textContent = this.#found.length ? n(this.#found.length, "{count} found", "{count} found") : t("None found");
    } catch (error) {
      if (ticket === this.#ticket) this.#problem(error);
    }
  }

  #problem(error) {
    this.#part("problem").hidden = false;
    this.#part("problem").textContent = error.message;
  }

  #draw() {
    const { collections, documents } = current();
    const all = [...documents, ...collections];
    const words = all.length === 1 ? all[0].name : scopeWords({ documents, collections });
    this.open.querySelector("[data-words]").textContent = all.length ? words : t("Everything");
    this.chips.hidden = !all.length;
    const more = all.length > SHOWN ? h("button", { type: "button", class: "quiet", onclick: () => this.#show() }, n(all.length - SHOWN, "and {count} more", "and {count} more")) : null;
    const everything = h("button", { type: "button", class: "quiet", "data-scope-clear": "", onclick: () => this.#everything() }, t("Ask everything"));
    this.chips.replaceChildren(h("span", { class: "soft" }, t("Asking only")), ...all.slice(0, SHOWN).map((found) => this.#chip(found)), ...(more ? [more] : []), everything);
    if (this.dialog.open) {
      this.#drawCollections();
      this.#drawDocuments();
    }
  }

  #everything() {
    choose();
    document.querySelector("textarea[name=question]").focus();
  }

  #chip(found) {
    const out = () => {
      leaveOut(found.id);
      (this.chips.hidden ? document.querySelector("textarea[name=question]") : this.chips.querySelector("button"))?.focus();
    };
    return h("span", { class: "chip" }, h("span", { class: "chip-name", dir: "auto", title: found.name }, found.name), iconButton("close", t("Leave {name} out", { name: found.name }), out));
  }

  #drawCollections() {
    this.#fill("collections", this.#collections, current().collections, (picked) => choose({ collections: picked }));
  }

  /** What is chosen comes first, found or not. */
  #drawDocuments() {
    const { documents } = current();
    const others = this.#found.filter(({ id }) => !documents.some((found) => found.id === id));
    this.#fill("documents", [...documents, ...others], documents, (picked) => {
      if (picked.length > MOST) emit("notice", { text: t("At most {count} documents can be chosen. Put them into a collection to ask about more.", { count: MOST }) });
      choose({ documents: picked });
    });
  }

  #fill(name, items, picked, change) {
    const place = this.#part(name);
    const focused = place.contains(document.activeElement) ? document.activeElement.value : null;
    place.replaceChildren(
      ...items.map((found) => {
        const box = h("input", { type: "checkbox", value: found.id });
        box.checked = picked.some(({ id }) => id === found.id);
        box.addEventListener("change", () => change(box.checked ? [...picked, found] : picked.filter(({ id }) => id !== found.id)));
        return h("li", {}, h("label", { class: "chooser-item" }, box, h("span", { dir: "auto", title: found.name }, found.name)));
      }),
    );
    if (!items.length) place.append(h("li", { class: "soft" }, this.search.value ? t("No document of this name can be asked.") : t("There is none yet.")));
    if (focused) place.querySelector(`[value="${CSS.escape(focused)}"]`)?.focus();
  }
}

customElements.define("docchat-within", Within);
