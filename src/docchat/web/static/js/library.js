// <docchat-library>: the documents page: what is there, how far it is read, retry and delete.

import { get, post, request } from "./api.js";
import { emit, on } from "./bus.js";
import { shownCollection } from "./collections.js";
import { confirm } from "./confirm.js";
import { bytes, h, icon, iconButton, pagesOf, plural, when } from "./dom.js";

const WATCH = 1500;
const STATES = { queued: "Queued", reading: "Reading", ready: "Ready", failed: "Failed" };

class Library extends HTMLElement {
  #documents = [];
  #next = null;
  #timer = 0;

  connectedCallback() {
    this.list = this.querySelector("[data-documents]");
    this.more = this.querySelector("[data-more]");
    this.more.addEventListener("click", () => this.#more());
    on("documents-changed", () => this.reload());
    on("signed-in", () => this.reload());
    this.reload();
  }

  async reload() {
    clearTimeout(this.#timer);
    try {
      const page = await get(`documents${this.#query("?")}`);
      this.#documents = page.documents;
      this.#next = page.next;
      this.#problem(null);
      this.#draw();
    } catch (error) {
      this.#problem(error);
    }
    if (this.#documents.some((found) => found.state === "queued" || found.state === "reading")) {
      this.#timer = setTimeout(() => this.reload(), WATCH);
    }
  }

  #query(sign) {
    const collection = shownCollection();
    return collection ? `${sign}collection=${encodeURIComponent(collection)}` : "";
  }

  async #more() {
    try {
      const page = await get(`documents?cursor=${encodeURIComponent(this.#next)}${this.#query("&")}`);
      this.#documents.push(...page.documents);
      this.#next = page.next;
      this.#draw();
    } catch (error) {
      this.#problem(error);
    }
  }

  #problem(error) {
    const line = this.querySelector("[data-problem]");
    line.hidden = !error;
    line.textContent = error ? error.message : "";
  }

  #draw() {
    const focused = document.activeElement?.closest?.("[data-document]")?.dataset.document;
    this.list.replaceChildren(...this.#documents.map((found) => this.#row(found)));
    this.more.hidden = !this.#next;
    const ready = this.#documents.filter((found) => found.state === "ready");
    const passages = ready.reduce((sum, found) => sum + found.passages, 0);
    const more = this.#next ? "More than " : "";
    this.querySelector("[data-sum]").textContent = this.#documents.length
      ? `${more}${plural(this.#documents.length, "document")}, ${plural(passages, "passage")} to ask about`
      : "No documents yet. Answers come only from what you add here.";
    if (focused) this.list.querySelector(`[data-document="${CSS.escape(focused)}"] button`)?.focus();
  }

  #row(found) {
    const kind = (/\.([a-z0-9]{1,5})$/i.exec(found.name)?.[1] ?? "file").toUpperCase();
    const open = h("button", { type: "button", class: "document-name", title: found.name, dir: "auto", disabled: found.state !== "ready" }, found.name);
    open.addEventListener("click", () => emit("show-source", { citation: { document: found.id, name: found.name, page: 1 }, opener: open }));
    const facts = [bytes(found.size), when(found.created_at)];
    if (found.state === "ready") facts.unshift(...[pagesOf(found), plural(found.passages, "passage")].filter(Boolean));
    const state = h("span", { class: `state ${found.state}` }, found.state === "failed" ? found.error || "Failed" : STATES[found.state]);
    const actions = h("span", { class: "document-actions" });
    if (found.state === "failed") {
      actions.append(h("button", { type: "button", class: "quiet", onclick: () => this.#retry(found) }, icon("again"), "Retry"));
    }
    actions.append(iconButton("bin", `Delete ${found.name}`, () => this.#delete(found)));
    return h(
      "li",
      { class: "document", dataset: { document: found.id } },
      h("span", { class: "kind", "aria-hidden": "true" }, kind),
      open,
      h("span", { class: "document-facts soft" }, state, ` · ${facts.join(" · ")}`),
      actions,
    );
  }

  async #retry(found) {
    try {
      await post(`documents/${found.id}/retry`);
    } catch (error) {
      emit("notice", { text: error.message });
    }
    this.reload();
  }

  async #delete(found) {
    const gone = await confirm({
      title: "Delete this document?",
      text: [
        h("p", {}, h("strong", {}, found.name)),
        h("p", {}, "The file, its pages and its passages are removed, and no later answer can use it. Chats that quoted it keep the quoted words until you clear them."),
      ],
      action: "Delete document",
      run: async () => ({ receipt: (await request("DELETE", `documents/${found.id}`)).headers.get("Docchat-Receipt") }),
      explain: (error) => `${error.message} The document is still in your library.`,
    });
    if (!gone) return;
    document.querySelector("docchat-source").close(false);
    this.#documents = this.#documents.filter((other) => other.id !== found.id);
    this.#draw();
    this.reload();
    emit("notice", { text: "The document was deleted.", receipt: gone.receipt });
  }
}

customElements.define("docchat-library", Library);
