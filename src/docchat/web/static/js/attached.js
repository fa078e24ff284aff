// <docchat-attached>: what was attached to the open chat, and whether files go to this chat or to the documents.

import { get, request } from "./api.js";
import { emit, on } from "./bus.js";
import { confirm } from "./confirm.js";
import { h, icon, iconButton } from "./dom.js";

/** Whether files that are dropped, pasted or picked belong to the open chat alone. */
export function attaching() {
  return document.querySelector("[data-attach]")?.checked ?? false;
}

class Attached extends HTMLElement {
  #chat = null;
  #ticket = 0;

  connectedCallback() {
    on("chat", ({ session }) => this.#switch(session?.id ?? null));
    on("attachments-changed", () => this.#load());
    for (const name of ["gone", "signed-in"]) on(name, () => this.#load());
  }

  #switch(id) {
    if (id === this.#chat) return;
    this.#chat = id;
    this.#draw([]);
    this.#load();
  }

  async #load() {
    const ticket = ++this.#ticket;
    if (!this.#chat) return this.#draw([]);
    try {
      const { attachments } = await get(`sessions/${this.#chat}/attachments`);
      if (ticket === this.#ticket) this.#draw(attachments);
    } catch {
      if (ticket === this.#ticket) this.#draw([]);
    }
  }

  #draw(attachments) {
    this.hidden = !attachments.length;
    this.replaceChildren(...attachments.map((found) => this.#chip(found)));
  }

  #chip(found) {
    const ready = found.state === "ready";
    const open = h("button", { type: "button", class: "attached-name", title: found.error ?? found.name, dir: "auto", disabled: !ready }, icon("clip"), found.name);
    open.addEventListener("click", () => emit("show-source", { citation: { document: found.id, name: found.name, page: 1, attachment: true }, opener: open }));
    const state = ready ? null : h("span", { class: "soft" }, found.state === "failed" ? "cannot be read" : "being read");
    return h("span", { class: `attached-file ${found.state}` }, open, state, iconButton("close", `Remove ${found.name} from this chat`, () => this.#remove(found)));
  }

  async #remove(found) {
    const chat = this.#chat;
    const gone = await confirm({
      title: "Remove this file from the chat?",
      text: [h("p", {}, h("strong", {}, found.name)), h("p", {}, "The file and its passages are deleted. Answers that quoted it keep the quoted words until you clear the chat.")],
      action: "Remove file",
      run: async () => ({ receipt: (await request("DELETE", `sessions/${chat}/attachments/${found.id}`)).headers.get("Docchat-Receipt") }),
      explain: (error) => `${error.message} The file is still in this chat.`,
    });
    if (!gone) return;
    document.querySelector("docchat-source").close(false);
    this.#load();
    emit("notice", { text: "The file was removed from this chat.", receipt: gone.receipt });
  }
}

customElements.define("docchat-attached", Attached);
