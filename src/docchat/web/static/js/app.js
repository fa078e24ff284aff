// <docchat-app>: which chat is open. It loads, creates and leaves chats and keeps the address right; the rest draws.

import { ApiError, get, post, unsure } from "./api.js";
import { emit, on } from "./bus.js";
import { receiptLine } from "./clear.js";
import { chatUrl, context } from "./context.js";
import { tellGone } from "./identity.js";

const LOOK = 5000;

class App extends HTMLElement {
  #session = null;
  #ticket = 0;
  #wanted = null;
  #doubt = null;

  connectedCallback() {
    this.conversation = this.querySelector("docchat-conversation");
    on("open-chat", ({ id, message }) => this.open(id, { message }));
    on("new-chat", () => this.#new());
    on("cleared-here", (detail) => this.#clearedHere(detail));
    on("deleted-here", (detail) => this.#deletedHere(detail));
    on("gone", (detail) => this.#gone(detail));
    on("chats", ({ sessions }) => this.#refresh(sessions));
    on("renamed", ({ session }) => this.#set(session));
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
      const { messages, older, ...session } = await get(`sessions/${id}`);
      if (ticket !== this.#ticket) return;
      this.#place(session, { push, replace });
      this.#show(session, messages, older);
      if (message) await this.conversation.find(message);
    } catch (error) {
      if (ticket === this.#ticket) this.#lost(id, error, { push, replace });
    }
  }

  /**
   * Ask in the open chat, or in a new one. Rejects when the server did not take the question; the error is `unsure`
   * when it may have, and has the id of the `chat` that was asked in.
   */
  async ask(question, mode) {
    if (!this.#session) this.#place(await post("sessions"), { push: true, keep: true });
    const { id } = this.#session;
    try {
      if (await this.#cameBefore(id, question)) return;
      this.#ticket += 1;
      const doubt = { id, question, after: this.conversation.last };
      const asking = this.conversation.ask(this.#session, question, mode);
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
    throw new ApiError("Your question before this one had arrived after all.");
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
    const { messages, older, ...session } = await get(`sessions/${doubt.id}`, { signal: AbortSignal.timeout(LOOK) });
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
    if (push && !replace && chatUrl(id) !== location.pathname) history.pushState({ chat: id }, "", chatUrl(id));
    else history.replaceState({ chat: id }, "", chatUrl(id));
    if (!session && !keep) this.conversation.empty({ kind: "new" });
    this.#set(session);
  }

  #greet() {
    if (this.#session) this.conversation.show(this.#session, [], null);
    else this.conversation.empty({ kind: "new" });
  }

  async #new() {
    if (this.#session && !this.#session.message_count && !this.conversation.busy) return emit("chat", { session: this.#session });
    try {
      const session = await post("sessions");
      this.#place(session, { push: true });
      this.conversation.show(session, [], null);
    } catch (error) {
      emit("notice", { text: `${error.message} No new chat was made.` });
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
    const session = successor ? { id: successor, title: "", message_count: 0, created_at: now, updated_at: now } : null;
    this.conversation.empty({ kind: "cleared", receipt: null });
    this.#place(session, { replace: true, keep: true });
    emit("chats-stale");
    const ticket = this.#ticket;
    const [line, used] = await Promise.all([receiptLine(receipt), this.#inUse(successor)]);
    if (ticket !== this.#ticket) return;
    // This tab was late: the chat was cleared before, and its successor has been used since.
    if (used) {
      emit("notice", { text: "This chat was cleared. The one in its place has been used since." });
      return this.open(successor, { replace: true });
    }
    if (line && this.#session?.id === session?.id) this.conversation.empty({ kind: "cleared", receipt: line });
  }

  async #inUse(id) {
    try {
      return Boolean(id) && (await get(`sessions/${id}`)).messages.length > 0;
    } catch {
      return false;
    }
  }

  #deletedHere({ id }) {
    emit("draft-drop", { id });
    tellGone(id, null);
    this.#place(null, { replace: true });
    emit("chats-stale");
    emit("notice", { text: "The chat was deleted." });
  }

  /** A chat was cleared in another tab or elsewhere. */
  #gone({ id, successor }) {
    if (id === this.#session?.id) this.#showGone(id, successor);
  }

  #showGone(id, successor) {
    this.#ticket += 1;
    this.conversation.empty({ kind: "gone", successor });
    history.replaceState({ chat: null }, "", context().root);
    this.#set(null);
    emit("chats-stale");
  }

  /** The tab is looked at again: a chat cleared elsewhere must not stay on the screen. */
  async #reload() {
    const id = this.#session?.id;
    if (!id || this.conversation.busy) return;
    const ticket = this.#ticket;
    try {
      const { messages, older, ...session } = await get(`sessions/${id}`);
      if (ticket !== this.#ticket || id !== this.#session?.id || this.conversation.busy) return;
      if (session.updated_at <= this.#session.updated_at && this.#doubt?.id !== id) return;
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
    if (fresh.title !== this.#session.title || fresh.message_count !== this.#session.message_count || fresh.updated_at !== this.#session.updated_at) this.#set(fresh);
  }
}

customElements.define("docchat-app", App);
