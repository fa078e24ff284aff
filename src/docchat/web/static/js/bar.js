// <docchat-bar>: title and actions of the chat that is open.

import { offer } from "./actions.js";
import { get } from "./api.js";
import { emit, on } from "./bus.js";
import { change, putAway, titleOf } from "./chat-row.js";
import { clearChat, clearHistory, deleteChat, forgetAbove } from "./clear.js";
import { context } from "./context.js";
import { h } from "./dom.js";
import { t } from "./i18n.js";

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
    this.#offer();
  }

  /** All that the bar and its menu do, for the palette. */
  #offer() {
    const open = () => Boolean(this.#session);
    const worth = () => open() && !this.#part("actions").hidden;
    const said = () => Boolean(this.#session?.message_count);
    const all = [
      ["rename", () => t("Rename this chat"), open, "F2"],
      ["pin", () => (this.#session?.pinned ? t("Unpin this chat") : t("Pin this chat")), worth],
      ["archive", () => (this.#session?.archived ? t("Bring this chat back") : t("Archive this chat")), worth],
      ["markdown", () => t("Export this chat as Markdown"), worth],
      ["json", () => t("Export this chat as JSON"), worth],
      ["memory", () => t("Forget what is above"), said],
      ["history", () => t("Clear the history of this chat…"), said],
      ["clear", () => t("Clear this chat…"), worth],
      ["delete", () => t("Delete this chat…"), worth],
    ];
    for (const [id, name, when, keys] of all) offer({ id: `chat.${id}`, name, keys, when, run: () => this.#do(id) });
  }

  #part(name) {
    return this.querySelector(`[data-${name}]`);
  }

  #show(session) {
    this.#session = session;
    this.title_.textContent = titleOf(session ?? {});
    this.title_.disabled = !session;
    this.#part("actions").hidden = !(session?.message_count || session?.title);
    for (const action of ["history", "memory"]) this.querySelector(`[data-do="${action}"]`).disabled = !session?.message_count;
    this.#part("pin-words").textContent = session?.pinned ? t("Unpin") : t("Pin");
    this.#part("archive-words").textContent = session?.archived ? t("Bring back") : t("Archive");
  }

  #do(action) {
    if (action === "rename") this.#rename();
    if (action === "pin") change(this.#session, { pinned: !this.#session.pinned });
    if (action === "archive") putAway(this.#session);
    if (action === "clear") this.#clear();
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
    await change(session, { title });
  }

  /** A plain link downloads the file; asked for first, so that an ended sign-in is said in words. */
  async #export(format) {
    try {
      await get("status");
      const url = `${context().api}sessions/${this.#session.id}/export?format=${format}`;
      h("a", { href: url, download: "" }).click();
    } catch (error) {
      emit("notice", { text: t("{reason} Nothing was exported.", { reason: error.message }) });
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
      else emit("notice", { text: t("{reason} The model may still know what is above.", { reason: error.message }) });
    }
  }

  async #delete() {
    const session = this.#session;
    const result = await deleteChat(session);
    if (result) emit("deleted-here", { id: session.id, receipt: result.receipt });
  }
}

customElements.define("docchat-bar", Bar);
