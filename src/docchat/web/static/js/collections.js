// <docchat-collections>: which collection the documents page shows and uploads to; making, sharing, leaving, deleting.

import { get, post, request } from "./api.js";
import { emit, on } from "./bus.js";
import { confirm } from "./confirm.js";
import { context } from "./context.js";
import { h, iconButton, plural } from "./dom.js";
import { t } from "./i18n.js";
import { options } from "./within.js";

/** The collection that the page shows: an id, "personal", or "" for everything. */
export function shownCollection() {
  return document.querySelector("[data-collection]")?.value ?? "";
}

class Collections extends HTMLElement {
  #collections = [];

  connectedCallback() {
    this.select = this.querySelector("[data-collection]");
    this.panel = this.querySelector("[data-panel]");
    this.select.addEventListener("change", () => {
      emit("collection-shown");
      this.#chosen();
    });
    this.querySelector("[data-new]").addEventListener("submit", (event) => this.#make(event));
    on("signed-in", () => this.load());
    this.load();
  }

  async load(chosen = this.select.value) {
    try {
      this.#collections = (await get("collections")).collections;
    } catch (error) {
      return emit("notice", { text: error.message });
    }
    this.select.replaceChildren(h("option", { value: "" }, t("All documents")), ...options(this.#collections));
    this.select.value = this.#collections.some((found) => found.id === chosen) || chosen === "personal" ? chosen : "";
    this.#chosen();
  }

  #chosen() {
    const found = this.#collections.find(({ id }) => id === this.select.value);
    this.panel.replaceChildren(...(found ? this.#about(found) : [h("span", { class: "soft" }, this.#readers())]));
    emit("documents-changed");
  }

  /** Who reads what is shown, when that is no single collection. */
  #readers() {
    const shared = this.#collections.some(({ access, members }) => access !== "owner" || members.length);
    return shared && this.select.value === "" ? t("What is in no collection only you can read. Choose a collection to see who reads it.") : t("Only you can read what is here.");
  }

  #about(found) {
    if (found.access === "owner") return this.#rule(found);
    const words = found.access === "writer" ? t("You may read, add and delete documents here.") : t("You may read the documents here and ask about them.");
    const leave = h("button", { type: "button", class: "button small", onclick: () => this.#leave(found) }, t("Leave"));
    return [h("span", { class: "soft" }, words), leave];
  }

  #rule(found) {
    const members = found.members.map((member) =>
      h("span", { class: "attached-file" }, t("{name} ({role})", { name: member.name, role: member.role === "writer" ? t("may change") : t("may read") }), iconButton("close", t("Take {name} out", { name: member.name }), () => this.#change("DELETE", found, member.user))),
    );
    const name = h("input", { name: "member", required: true, maxlength: "200", autocomplete: "off", placeholder: t("Name"), "aria-label": t("Who may use this collection") });
    const role = h("select", { name: "role", "aria-label": t("What they may do") }, h("option", { value: "reader" }, t("may read")), h("option", { value: "writer" }, t("may change")));
    const form = h("form", { class: "share" }, name, role, h("button", { class: "button small" }, t("Share")));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#change("PUT", found, name.value.trim(), { role: role.value });
    });
    const remove = h("button", { type: "button", class: "button small danger-text", onclick: () => this.#delete(found) }, t("Delete collection…"));
    const alone = members.length ? [] : [h("span", { class: "soft" }, t("Only you can read what is here, until you share it."))];
    return [...alone, ...members, form, remove];
  }

  async #make(event) {
    event.preventDefault();
    const field = event.target.elements.name;
    try {
      const made = await post("collections", { name: field.value });
      field.value = "";
      await this.load(made.id);
    } catch (error) {
      emit("notice", { text: error.message });
    }
  }

  async #change(method, found, member, body) {
    try {
      await request(method, `collections/${found.id}/members/${encodeURIComponent(member)}`, { body });
    } catch (error) {
      emit("notice", { text: error.message });
    }
    this.load();
  }

  async #leave(found) {
    const gone = await confirm({
      title: t("Leave this collection?"),
      text: [h("p", {}, h("strong", {}, found.name)), h("p", {}, t("Its documents are no longer found by your questions. Only its owner can let you in again."))],
      action: t("Leave"),
      run: () => request("DELETE", `collections/${found.id}/members/${encodeURIComponent(context().user)}`),
      explain: (error) => error.message,
    });
    if (gone) this.load("");
  }

  async #delete(found) {
    const gone = await confirm({
      title: t("Delete this collection?"),
      text: [h("p", {}, h("strong", {}, found.name)), h("p", {}, t("{documents} in it are deleted for everybody. Chats that quoted them keep the quoted words until they are cleared.", { documents: plural(found.documents, "document") }))],
      action: t("Delete collection"),
      run: async () => ({ receipt: (await request("DELETE", `collections/${found.id}`)).headers.get("Docchat-Receipt") }),
      explain: (error) => t("{reason} The collection is still there.", { reason: error.message }),
    });
    if (!gone) return;
    await this.load("");
    emit("notice", { text: t("The collection was deleted."), receipt: gone.receipt });
  }
}

customElements.define("docchat-collections", Collections);
