// <docchat-app>: which chat is open. It loads, creates and leaves chats and keeps the address right; the rest draws.

import { ApiError, get, post, unsure } from "./api.js";
import { emit, on } from "./bus.js";
import { chatUrl, context } from "./context.js";
import { isOf } from "./home.js";
import { t } from "./i18n.js";
import { tellChanged, tellGone } from "./identity.js";
import { readReceipt } from "./receipt.js";

const LOOK = 5000;
/** A clear that is under way is over by then, as a rule. */
const CLEARING = 600;
/** What of a chat in the list is shown elsewhere, too. */
const SHOWN = ["title", "message_count", "updated_at", "pinned", "archived"];

class App extends HTMLElement {
  #session = null;
  #ticket = 0;
  #wanted = null;
  #doubt = null;
  #making = null;

  connectedCallback() {
    this.conversation = this.querySelector("docchat-conversation");
    on("open-chat", ({ id, message, home }) => isOf(this, home) && this.open(id, { message }));
    on("new-chat", () => this.#new());
    on("cleared-here", (detail) => this.#clearedHere(detail));
    on("deleted-here", (detail) => this.#deletedHere(detail));
    on("history-cleared-here", (detail) => this.#historyCleared(detail));
    on("memory-cleared-here", (detail) => this.#memoryCleared(detail));
    on("many-cleared", ({ receipt }) => this.#manyCleared(receipt));
    on("undone", ({ session }) => this.#undone(session));
    on("gone", (detail) => this.#gone(detail));
    on("cut", (detail) => this.#cut(detail));
    on("replaced", ({ id, count }) => id === this.#session?.id && this.#set({ ...this.#session, message_count: count }));
    on("changed", ({ id }) => (id === null || id === this.#session?.id) && this.#reload({ sure: true }));
    on("chats", ({ sessions }) => this.#refresh(sessions));
    on("marked", ({ session }) => this.#marked(session));
    on("signed-in", () => this.open(this.#wanted, { replace: true }));
    on("looked", () => this.#reload());
    on("documents-changed", () => this.#session?.message_count || this.conversation.busy || this.#greet());
    addEventListener("popstate", (event) => this.open(event.state?.chat ?? null, { push: false }));
    this.#begin();
  }

  /** From another page, "New chat" leads here with #new. */
  async #begin() {
    const asked = location.hash === "#new";
    await this.open(context().session, { replace: true });
    if (asked) await this.#new();
  }

  /** Open a chat by id, or the place of a new one. */
  async open(id, { push = true, replace = false, message = null } = {}) {
    const ticket = ++this.#ticket;
    this.#wanted = id;
    if (id && id === this.#session?.id && message) return this.conversation.find(message);
    if (!id) return this.#place(null, { push, replace });
    try {
      const { messages, older, ...session } = await this.#read(id);
      if (ticket !== this.#ticket) return;
      this.#place(session, { push, replace });
      this.#show(session, messages, older);
      if (message) await this.conversation.find(message);
    } catch (error) {
      if (ticket === this.#ticket) this.#lost(id, error, { push, replace });
    }
  }

  /** A chat with its newest messages; what was begun in it goes to the box. */
  async #read(id, options) {
    const { draft, ...chat } = await get(`sessions/${id}`, options);
    emit("draft", { id, text: draft ?? "" });
    return chat;
  }

  #marked({ id, title, pinned, archived }) {
    if (id === this.#session?.id) this.#set({ ...this.#session, title, pinned, archived });
  }

  /** The id of the open chat; when there is none yet one is made, for all who ask at the same time. */
  async chat() {
    if (this.#session) return this.#session.id;
    this.#making ??= post("sessions").finally(() => (this.#making = null));
    const made = await this.#making;
    if (!this.#session) this.#place(made, { push: true, keep: true });
    return this.#session.id;
  }

  /**
   * Ask in the open chat, or in a new one. Rejects when the server did not take the question; the error is `unsure`
   * when it may have, and has the id of the `chat` that was asked in.
   */
  async ask(question, how, within) {
    const id = await this.chat();
    try {
      if (await this.#cameBefore(id, question)) return;
      this.#ticket += 1;
      const doubt = { id, question, after: this.conversation.last };
      const asking = this.conversation.ask(this.#session, question, how, within);
      await asking.then(() => this.#taken(id), (error) => this.#look(error, doubt));
    } catch (error) {
      if (error.code === "cleared") this.#showGone(id, error.successor);
      else if (error.name !== "AbortError") Object.assign(error, { chat: id, unsure: this.#doubt?.id === id });
      throw error;
    }
  }

  #taken(id) {
    // Taken and cleared may come in one breath.
    if (this.#session?.id === id) this.#set({ ...this.#session, message_count: this.#session.message_count + 2 });
  }

  /** A question whose sending broke is looked for before anything more is asked: it may have arrived. */
  async #cameBefore(id, question) {
    const doubt = this.#doubt;
    if (doubt?.id !== id || !(await this.#arrived())) return false;
    if (doubt.question === question) return true;
    throw new ApiError(t("Your question before this one had arrived after all."));
  }

  /** The question could not be sent, or only the answer of the server was lost: the chat says which. */
  async #look(error, doubt) {
    if (error.name === "AbortError" || error.code === "cleared") throw error;
    if (!unsure(error)) {
      this.#reload();
      throw error;
    }
    this.#doubt = doubt;
    const arrived = await this.#arrived().catch((reason) => {
      throw reason.code === "cleared" ? reason : error;
    });
    if (!arrived) throw error;
  }

  /** Whether the doubtful question is in its chat; shows it then. Rejects when that cannot be told now. */
  async #arrived() {
    const doubt = this.#doubt;
    const ticket = this.#ticket;
    const { messages, older, ...session } = await this.#read(doubt.id, { signal: AbortSignal.timeout(LOOK) });
    const found = this.#settle(doubt.id, messages);
    if (found && ticket === this.#ticket) {
      this.#set(session);
      this.conversation.show(session, messages, older);
    }
    return found;
  }

  /** The messages of a chat end the doubt about a question to it. */
  #settle(id, messages) {
    const doubt = this.#doubt;
    if (doubt?.id !== id) return false;
    this.#doubt = null;
    const found = messages.some((message) => message.role === "user" && message.id > doubt.after && message.text.trim() === doubt.question);
    if (found) emit("arrived", { question: doubt.question });
    return found;
  }

  #show(session, messages, older) {
    this.conversation.show(session, messages, older);
    this.#settle(session.id, messages);
  }

  #set(session) {
    this.#session = session;
    this.#wanted = session?.id ?? null;
    emit("chat", { session });
  }

  /** The address of a chat is in the history of the browser, its title never is. */
  #place(session, { push, replace, keep }) {
    this.#ticket += 1;
    const id = session?.id ?? null;
    // Inside a page of the host the way back is that page's.
    if (push && !replace && window === window.top && chatUrl(id) !== location.pathname) history.pushState({ chat: id }, "", chatUrl(id));
    else history.replaceState({ chat: id }, "", chatUrl(id));
    if (!session && !keep) this.conversation.empty({ kind: "new" });
    this.#set(session);
  }

  #greet() {
    if (this.#session) this.conversation.show(this.#session, [], null);
    else this.conversation.empty({ kind: "new" });
  }

  async #new() {
    if (this.#session && !this.#session.message_count && !this.#session.title && !this.conversation.busy) return emit("chat", { session: this.#session });
    try {
      const session = await post("sessions");
      this.#place(session, { push: true });
      this.conversation.show(session, [], null);
    } catch (error) {
      emit("notice", { text: t("{reason} No new chat was made.", { reason: error.message }) });
    }
  }

  #lost(id, error, how) {
    if (error.code === "cleared") return this.#showGone(id, error.successor);
    // A signed-out page keeps what it shows: only a chat that never was loaded is replaced by words.
    if (error.status === 401 && this.#session) return;
    this.conversation.empty({ kind: "lost", error, retry: () => this.open(id, how) });
    this.#set(null);
    this.#wanted = id;
  }

  async #clearedHere({ id, successor, receipt }) {
    emit("draft-drop", { id });
    tellGone(id, successor);
    this.#ticket += 1;
    const now = new Date().toISOString();
    const session = successor ? { id: successor, title: "", message_count: 0, created_at: now, updated_at: now, memory_from: null } : null;
    this.conversation.empty({ kind: "cleared", what: "chat", receipt: null });
    this.#place(session, { replace: true, keep: true });
    emit("emptied");
    const ticket = this.#ticket;
    const [found, used] = await Promise.all([this.#receipt(receipt), this.#inUse(successor)]);
    if (ticket !== this.#ticket) return;
    // This tab was late: the chat was cleared before, and its successor has been used since.
    if (used) {
      emit("notice", { text: t("This chat was cleared. The one in its place has been used since.") });
      return this.open(successor, { replace: true });
    }
    if (found && this.#session?.id === session?.id) this.conversation.empty({ kind: "cleared", what: "chat", receipt: found });
  }

  /** The receipt of this id, or as much of it as can be told now. */
  async #receipt(id) {
    return id && readReceipt(id).catch(() => ({ id }));
  }

  async #historyCleared({ id, receipt }) {
    emit("draft-drop", { id });
    emit("emptied");
    tellChanged(id);
    if (id !== this.#session?.id) return;
    const ticket = ++this.#ticket;
    this.conversation.empty({ kind: "cleared", what: "history", receipt: null });
    this.#set({ ...this.#session, message_count: 0, memory_from: null });
    const found = await this.#receipt(receipt);
    if (found && ticket === this.#ticket) this.conversation.empty({ kind: "cleared", what: "history", receipt: found });
  }

  #memoryCleared({ id, from, receipt }) {
    tellChanged(id);
    emit("notice", { text: t("The model has forgotten what is above the line. Nothing was deleted."), receipt });
    if (id !== this.#session?.id) return;
    this.#set({ ...this.#session, memory_from: from });
    this.conversation.remember(from);
  }

  /** Many chats were cleared here; the one on the screen may be among them. */
  async #manyCleared(receipt) {
    const id = this.#session?.id;
    if (!id) return;
    const ticket = ++this.#ticket;
    try {
      await get(`sessions/${id}`);
    } catch (error) {
      if (ticket !== this.#ticket || error.code !== "cleared") return;
      emit("draft-drop", { id });
      this.#place(null, { replace: true, keep: true });
      this.conversation.empty({ kind: "cleared", what: "chat", receipt: { id: receipt } });
    }
  }

  #undone(session) {
    emit("chats-stale");
    if (session) this.open(session);
    else if (!this.#session) this.conversation.empty({ kind: "new" });
  }

  async #inUse(id) {
    try {
      return Boolean(id) && (await get(`sessions/${id}`)).messages.length > 0;
    } catch {
      return false;
    }
  }

  #deletedHere({ id, receipt }) {
    emit("draft-drop", { id });
    tellGone(id, null);
    this.#place(null, { replace: true });
    emit("emptied");
    emit("notice", { text: t("The chat was deleted."), receipt });
  }

  /** A chat was cleared in another tab or elsewhere. */
  #gone({ id, successor }) {
    if (id === this.#session?.id) this.#showGone(id, successor);
  }

  /** An answer ended because its chat was cleared, or only the history of it: nothing stays on the screen while we ask which. */
  async #cut({ id, successor }) {
    if (id !== this.#session?.id) return emit("chats-stale");
    const ticket = ++this.#ticket;
    this.conversation.empty({ kind: "wait" });
    emit("emptied");
    const left = await this.#left(id).catch((error) => ({ error }));
    if (ticket !== this.#ticket) return;
    if (left.error?.code === "cleared") return emit("gone", { id, successor: left.error.successor ?? successor });
    if (left.error) return this.#lost(id, left.error, { replace: true });
    const { messages, older, ...session } = left;
    this.#set(session);
    this.#show(session, messages, older);
  }

  /** What is left of a chat; a history that is just being cleared reads as a cleared chat for that moment. */
  async #left(id) {
    try {
      return await this.#read(id);
    } catch (error) {
      if (error.code !== "cleared" || error.successor) throw error;
      await new Promise((resolve) => setTimeout(resolve, CLEARING));
      return this.#read(id);
    }
  }

  #showGone(id, successor) {
    this.#ticket += 1;
    emit("draft-drop", { id });
    this.conversation.empty({ kind: "gone", successor });
    history.replaceState({ chat: null }, "", context().root);
    this.#set(null);
    emit("chats-stale");
  }

  /** The tab is looked at again: a chat cleared elsewhere must not stay on the screen. `sure`: something did change. */
  async #reload({ sure = false } = {}) {
    const id = this.#session?.id;
    if (!id || this.conversation.busy) return;
    const ticket = this.#ticket;
    try {
      const { messages, older, ...session } = await this.#read(id);
      if (ticket !== this.#ticket || id !== this.#session?.id || this.conversation.busy) return;
      const { updated_at, message_count, memory_from } = this.#session;
      const same = session.updated_at <= updated_at && session.message_count === message_count && session.memory_from === memory_from;
      if (same && !sure && this.#doubt?.id !== id) return;
      this.#set(session);
      this.#show(session, messages, older);
    } catch (error) {
      if (ticket === this.#ticket && error.code === "cleared") this.#showGone(id, error.successor);
    }
  }

  /** The list is fresh: take title and count from it. The server names a chat after its first question. */
  #refresh(sessions) {
    const fresh = sessions.find((session) => session.id === this.#session?.id);
    if (!fresh) return;
    // Messages only grow fewer when the history was cleared, here or elsewhere.
    const less = fresh.message_count < this.#session.message_count || fresh.memory_from !== this.#session.memory_from;
    if (less && !this.conversation.busy) return this.#reload({ sure: true });
    if (SHOWN.some((field) => fresh[field] !== this.#session[field])) this.#set(fresh);
  }
}

customElements.define("docchat-app", App);
