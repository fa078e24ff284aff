// <docchat-bar>: title and actions of the chat that is open.

import { get, patch } from "./api.js";
import { emit, on } from "./bus.js";
import { clearChat, clearHistory, deleteChat, forgetAbove } from "./clear.js";
import { context } from "./context.js";
import { h } from "./dom.js";

class Bar extends HTMLElement {
  #session = null;

  connectedCallback() {
    this.title_ = this.#part("title");
    this.form = this.#part("rename");
    this.title_.addEventListener("click", () => this.#rename());
    this.form.addEventListener("submit", (event) => this.#save(event));
    this.form.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      event.stopPropagation();
      this.#renamed();
    });
    this.form.elements.title.addEventListener("blur", () => this.form.hidden || this.#save());
    this.#part("clear").addEventListener("click", () => this.#clear());
    this.addEventListener("click", (event) => this.#do(event.target.closest("[data-do]")?.dataset.do));
    on("chat", ({ session }) => this.#show(session));
  }

  #part(name) {
    return this.querySelector(`[data-${name}]`);
  }

  #show(session) {
    this.#session = session;
    this.title_.textContent = session?.title || "New chat";
    this.title_.disabled = !session;
    this.#part("actions").hidden = !(session?.message_count || session?.title);
    for (const action of ["history", "memory"]) this.querySelector(`[data-do="${action}"]`).disabled = !session?.message_count;
  }

  #do(action) {
    if (action === "rename") this.#rename();
    if (action === "markdown" || action === "json") this.#export(action);
    if (action === "history") this.#clearHistory();
    if (action === "memory") this.#forget();
    if (action === "delete") this.#delete();
  }

  #rename() {
    if (!this.#session) return;
    this.form.elements.title.value = this.#session.title;
    this.form.hidden = false;
    this.title_.parentElement.hidden = true;
    this.form.elements.title.select();
  }

  #renamed() {
    this.form.hidden = true;
    this.title_.parentElement.hidden = false;
    this.title_.focus();
  }

  async #save(event) {
    event?.preventDefault();
    const title = this.form.elements.title.value.trim();
    const session = this.#session;
    this.#renamed();
    if (!session || !title || title === session.title) return;
    try {
      const { messages, ...fresh } = await patch(`sessions/${session.id}`, { title });
      if (this.#session?.id === session.id) emit("renamed", { session: { ...session, title: fresh.title } });
      emit("chats-stale");
    } catch (error) {
      emit("notice", { text: `${error.message} The title was not changed.` });
    }
  }

  /** A plain link downloads the file; asked for first, so that an ended sign-in is said in words. */
  async #export(format) {
    try {
      await get("status");
      const url = `${context().api}sessions/${this.#session.id}/export?format=${format}`;
      h("a", { href: url, download: "" }).click();
    } catch (error) {
      emit("notice", { text: `${error.message} Nothing was exported.` });
    }
  }

  async #clear() {
    const session = this.#session;
    const result = await clearChat(session);
    if (result) emit("cleared-here", { id: session.id, ...result });
  }

  async #clearHistory() {
    const session = this.#session;
    const result = await clearHistory(session);
    if (result?.gone) emit("gone", { id: session.id, successor: result.successor });
    else if (result) emit("history-cleared-here", { id: session.id, receipt: result.receipt });
  }

  async #forget() {
    const session = this.#session;
    try {
      emit("memory-cleared-here", { id: session.id, ...(await forgetAbove(session)) });
    } catch (error) {
      if (error.code === "cleared") emit("gone", { id: session.id, successor: error.successor });
      else emit("notice", { text: `${error.message} The model may still know what is above.` });
    }
  }

  async #delete() {
    const session = this.#session;
    const result = await deleteChat(session);
    if (result) emit("deleted-here", { id: session.id, receipt: result.receipt });
  }
}

customElements.define("docchat-bar", Bar);
