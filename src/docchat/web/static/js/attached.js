// <docchat-attached>: what was attached to the open chat, and whether files go to this chat or to the documents.

import { get, request } from "./api.js";
import { emit, on } from "./bus.js";
import { confirm } from "./confirm.js";
import { h, icon, iconButton } from "./dom.js";
import { t } from "./i18n.js";
import { reason } from "./reasons.js";
import { passwordForm } from "./unlock.js";
import { readingWords } from "./words.js";

const WATCH = 1500;
const WATCH_MOST = 15_000;

/** How many files are attached to a chat, when it is the open one. */
export function attachedTo(id) {
  return document.querySelector("docchat-attached")?.countOf(id) ?? 0;
}

/** Whether files that are dropped, pasted or picked belong to the open chat alone. */
export function attaching() {
  return document.querySelector("[data-attach]")?.checked ?? false;
}

class Attached extends HTMLElement {
  #chat = null;
  #ticket = 0;
  #timer = 0;
  #pause = WATCH;
  #shown = new Map();

  connectedCallback() {
    on("chat", ({ session }) => this.#switch(session?.id ?? null));
    on("attachments-changed", () => this.#load());
    for (const name of ["gone", "signed-in"]) on(name, () => this.#load());
  }

  countOf(id) {
    return id === this.#chat ? this.children.length : 0;
  }

  #switch(id) {
    if (id === this.#chat) return;
    this.#chat = id;
    this.#draw([]);
    this.#load();
  }

  async #load() {
    const ticket = ++this.#ticket;
    clearTimeout(this.#timer);
    if (!this.#chat) return this.#draw([]);
    try {
      const { attachments } = await get(`sessions/${this.#chat}/attachments`);
      if (ticket !== this.#ticket) return;
      this.#pause = WATCH;
      this.#draw(attachments);
      if (attachments.some(({ state }) => state === "queued" || state === "reading")) this.#again();
    } catch (error) {
      if (ticket !== this.#ticket) return;
      // Without an answer what is shown stays; a chat that is gone has no files.
      if (error.status === 0 || error.status >= 500) this.#again();
      else this.#draw([]);
    }
  }

  #again() {
    this.#timer = setTimeout(() => this.#load(), this.#pause);
    this.#pause = Math.min(1.5 * this.#pause, WATCH_MOST);
  }

  #draw(attachments) {
    this.hidden = !attachments.length;
    const chips = attachments.map((found) => {
      const facts = JSON.stringify(found);
      const before = this.#shown.get(found.id);
      return [found.id, { facts, node: before?.facts === facts ? before.node : this.#chip(found) }];
    });
    this.#shown = new Map(chips);
    const nodes = chips.map(([, { node }]) => node);
    // What is the same stays in its place: a password may be half typed.
    if (nodes.length !== this.children.length || nodes.some((node, index) => this.children[index] !== node)) this.replaceChildren(...nodes);
  }

  #chip(found) {
    const ready = found.state === "ready";
    const failed = found.state === "failed";
    const open = h("button", { type: "button", class: "attached-name", title: found.name, dir: "auto", disabled: !ready }, icon("clip"), found.name);
    open.addEventListener("click", () => emit("show-source", { citation: { document: found.id, name: found.name, page: 1, attachment: true }, opener: open }));
    const words = failed ? reason(found) : { queued: t("Queued"), reading: readingWords(found) }[found.state];
    const state = ready ? null : h("span", { class: "attached-state", role: "status" }, words);
    const remove = iconButton("close", t("Remove {name} from this chat", { name: found.name }), () => this.#remove(found));
    const form = failed && found.code === "locked" ? this.#password(found) : null;
    return h("div", { class: `attached-file ${found.state}` }, open, state, remove, form);
  }

  #password(found) {
    return passwordForm(found, `sessions/${this.#chat}/attachments/${found.id}/password`, (fresh) => {
      if (fresh) emit("document-opened", { document: fresh });
      this.#load();
    });
  }

  async #remove(found) {
    const chat = this.#chat;
    const gone = await confirm({
      title: t("Remove this file from the chat?"),
      text: [h("p", {}, h("strong", {}, found.name)), h("p", {}, t("The file and its passages are deleted. Answers that quoted it keep the quoted words until you clear the chat."))],
      action: t("Remove file"),
      run: async () => ({ receipt: (await request("DELETE", `sessions/${chat}/attachments/${found.id}`)).headers.get("Docchat-Receipt") }),
      explain: (error) => t("{reason} The file is still in this chat.", { reason: error.message }),
    });
    if (!gone) return;
    document.querySelector("docchat-source").close(false);
    this.#load();
    emit("source-deleted", { document: found.id });
    emit("notice", { text: t("The file was removed from this chat."), receipt: gone.receipt });
  }
}

customElements.define("docchat-attached", Attached);
