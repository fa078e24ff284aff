// <docchat-library>: the documents page: what is there, how far it is read, choose, retry and delete.

import { get, post, request } from "./api.js";
import { emit, on } from "./bus.js";
import { shownCollection } from "./collections.js";
import { confirm } from "./confirm.js";
import { context } from "./context.js";
import { documentRow } from "./document-row.js";
import { h, plural } from "./dom.js";
import { t } from "./i18n.js";
import { Meter } from "./meter.js";
import { MOST, toFragment } from "./scope.js";

const WATCH = 1500;
const WATCH_MOST = 30_000;
const PAGE = 50;

class Library extends HTMLElement {
  #documents = [];
  #counts = { queued: 0, reading: 0, ready: 0, failed: 0 };
  #next = null;
  #timer = 0;
  #ticket = 0;
  #pause = WATCH;
  #wanted = PAGE;
  #shown = new Map();
  #chosen = new Map();
  #begun = null;

  connectedCallback() {
    this.list = this.querySelector("[data-documents]");
    this.more = this.querySelector("[data-more]");
    this.failed = this.querySelector("[data-failed]");
    this.meter = new Meter(t("Progress of reading"));
    this.#part("under-way").append(this.meter.node);
    this.more.addEventListener("click", () => this.#more());
    this.failed.addEventListener("click", () => this.#only(this.failed.getAttribute("aria-pressed") !== "true"));
    this.#part("ask").addEventListener("click", () => location.assign(`${context().root}${toFragment([...this.#chosen.values()])}`));
    this.#part("unchoose").addEventListener("click", () => this.#unchoose());
    on("documents-changed", () => this.reload());
    on("collection-shown", () => {
      this.failed.setAttribute("aria-pressed", "false");
      this.#wanted = PAGE;
    });
    on("signed-in", () => this.reload());
    this.reload();
  }

  #part(name) {
    return this.querySelector(`[data-${name}]`);
  }

  async reload() {
    clearTimeout(this.#timer);
    const ticket = ++this.#ticket;
    try {
      const [page, counts] = await Promise.all([this.#load(), get(`documents/progress?${this.#query({})}`)]);
      if (ticket !== this.#ticket) return;
      [this.#documents, this.#next, this.#counts] = [page.documents, page.next, counts];
      this.#pause = WATCH;
      this.#problem(null);
      this.#draw();
    } catch (error) {
      if (ticket !== this.#ticket) return;
      this.#problem(error);
      this.#pause = Math.min(2 * this.#pause, WATCH_MOST);
      if (error.status === 401) return;
    }
    // Nothing is asked for while nothing can change by itself.
    if (this.#counts.queued + this.#counts.reading) this.#timer = setTimeout(() => this.reload(), this.#pause);
  }

  /** As many as were shown before. */
  async #load() {
    const documents = [];
    let next = null;
    do {
      const limit = Math.min(100, this.#wanted - documents.length);
      const page = await get(`documents?${this.#query({ limit, cursor: next, state: this.#onlyFailed ? "failed" : null })}`);
      documents.push(...page.documents);
      next = page.next;
    } while (next && documents.length < this.#wanted);
    return { documents, next };
  }

  #query(fields) {
    const asked = Object.entries({ collection: shownCollection(), ...fields }).filter(([, value]) => value);
    return new URLSearchParams(asked).toString();
  }

  #more() {
    this.#wanted += PAGE;
    this.reload();
  }

  get #onlyFailed() {
    return this.failed.getAttribute("aria-pressed") === "true";
  }

  #only(failed) {
    this.failed.setAttribute("aria-pressed", String(failed));
    this.#wanted = PAGE;
    this.reload();
  }

  #problem(error) {
    const line = this.#part("problem");
    line.hidden = !error;
    line.textContent = error ? t("{reason} The list is as it was before.", { reason: error.message }) : "";
  }

  #draw() {
    const rows = this.#documents.map((found) => this.#row(found));
    // A row that says the same stays in its place, with its focus and what is being typed into it.
    for (const row of [...this.list.children]) if (!rows.includes(row)) row.remove();
    for (const [index, row] of rows.entries()) if (this.list.children[index] !== row) this.list.insertBefore(row, this.list.children[index] ?? null);
    for (const id of [...this.#shown.keys()]) if (!this.#documents.some((found) => found.id === id)) this.#shown.delete(id);
    this.more.hidden = !this.#next;
    this.#drawSum();
    this.#drawUnderWay();
    this.#drawChosen();
  }

  #drawSum() {
    const { ready, failed } = this.#counts;
    const passages = this.#documents.reduce((sum, found) => sum + found.passages, 0);
    const known = this.#next || this.#onlyFailed ? "" : plural(passages, "passage");
    const all = Object.values(this.#counts).reduce((sum, count) => sum + count, 0);
    this.#part("sum").textContent = all ? known ? t("{documents}, {passages} to ask about", { documents: plural(ready, "document"), passages: known }) : t("{documents} to ask about", { documents: plural(ready, "document") }) : t("No documents yet. Answers come only from what you add here.");
    this.failed.hidden = !failed && !this.#onlyFailed;
    this.failed.textContent = this.#onlyFailed ? t("Show all again") : t("{files} not read: show", { files: plural(failed, "file") });
  }

  /** What is read at this moment, whoever added it. What was added on this page says so above. */
  #drawUnderWay() {
    const { queued, reading, ready, failed } = this.#counts;
    const left = queued + reading;
    const here = document.querySelector("docchat-uploads")?.busy;
    this.#part("under-way").hidden = !left || here;
    if (!left) this.#begun = null;
    else this.#begun ??= ready + failed;
    if (!left || here) return;
    const done = Math.max(0, ready + failed - this.#begun);
    this.meter.set({ done, total: done + left, verb: t("Reading"), noun: t("documents") });
  }

  #row(found) {
    const facts = JSON.stringify(found);
    const before = this.#shown.get(found.id);
    if (before?.facts === facts) return before.row;
    const row = documentRow(found, this.#chosen.has(found.id), {
      retry: (document) => this.#retry(document),
      delete: (document) => this.#delete(document),
      opened: (document) => this.#opened(document, found),
      choose: (document, chosen) => this.#choose(document, chosen),
    });
    this.#shown.set(found.id, { facts, row });
    const focused = before?.row.contains(document.activeElement);
    before?.row.replaceWith(row);
    if (focused) row.querySelector("button:not(:disabled)")?.focus();
    return row;
  }

  #choose(found, chosen) {
    if (chosen && this.#chosen.size >= MOST) {
      this.list.querySelector(`[data-document="${found.id}"] .document-choose`).checked = false;
      return emit("notice", { text: t("A question may be asked of {count} chosen documents at most. Put them into a collection to ask about more.", { count: MOST }) });
    }
    if (chosen) this.#chosen.set(found.id, found);
    else this.#chosen.delete(found.id);
    this.#drawChosen();
  }

  #unchoose() {
    this.#chosen.clear();
    for (const box of this.list.querySelectorAll(".document-choose")) box.checked = false;
    this.#drawChosen();
    this.list.querySelector(".document-choose:not(:disabled)")?.focus();
  }

  #drawChosen() {
    const bar = this.#part("chosen");
    bar.hidden = !this.#chosen.size;
    const words = t("{documents} chosen", { documents: plural(this.#chosen.size, "document") });
    const place = bar.querySelector("[data-words]");
    if (place.textContent !== words) place.textContent = words;
  }

  #opened(fresh, before) {
    if (fresh) {
      emit("document-opened", { document: fresh });
      emit("notice", { text: t("{name} is open and can be asked about.", { name: before.name }) });
    }
    this.reload();
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
      title: t("Delete this document?"),
      text: [
        h("p", {}, h("strong", {}, found.name)),
        h("p", {}, t("The file, its pages and its passages are removed, and no later answer can use it. Chats that quoted it keep the quoted words until you clear them.")),
      ],
      action: t("Delete document"),
      run: async () => ({ receipt: (await request("DELETE", `documents/${found.id}`)).headers.get("Docchat-Receipt") }),
      explain: (error) => t("{reason} The document is still in your library.", { reason: error.message }),
    });
    if (!gone) return;
    document.querySelector("docchat-source").close(false);
    this.#chosen.delete(found.id);
    this.#documents = this.#documents.filter((other) => other.id !== found.id);
    this.#draw();
    this.reload();
    emit("notice", { text: t("The document was deleted."), receipt: gone.receipt });
  }
}

customElements.define("docchat-library", Library);
