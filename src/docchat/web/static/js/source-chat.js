// <docchat-section-chat>: the small chat about one part of a document, beside it. It is made of the page's own elements.

import { get, post, request, unsure } from "./api.js";
import { emit, on } from "./bus.js";
import { explain, goesAndStays, howLong, outOfReach } from "./clear.js";
import "./composer.js";
import { confirm } from "./confirm.js";
import { chatUrl } from "./context.js";
import "./conversation.js";
import { h, icon, iconButton } from "./dom.js";
import { n, t } from "./i18n.js";
import { tellChanged, tellGone } from "./identity.js";
import { readReceipt } from "./receipt.js";
import { placeWords } from "./words.js";

class SectionChat extends HTMLElement {
  /** Its questions are asked of its section, whatever was chosen for others. */
  bound = true;
  #about = null;
  #session = null;
  #receipt = null;
  #ticket = 0;

  connectedCallback() {
    if (this.conversation) return;
    this.setAttribute("role", "region");
    this.append(this.#head(), this.#conversation(), this.#composer());
    this.conversation = this.querySelector("docchat-conversation");
    on("gone", ({ id }) => id === this.#session?.id && this.close());
    on("cut", ({ id }) => id === this.#session?.id && this.#load());
    on("open-chat", ({ id, home }) => home === this && id === this.#session?.id && this.#load());
    on("changed", ({ id }) => this.#session && (id === null || id === this.#session.id) && this.#load());
    on("replaced", ({ id, count }) => id === this.#session?.id && this.#set({ ...this.#session, message_count: count }));
    on("undone", () => this.#session && this.#load());
    on("looked", () => this.#session && !this.conversation.busy && this.#load());
    on("signed-in", () => this.#session && this.#load());
  }

  /** What stands in the place of messages. */
  get greeting() {
    return { kind: "section", receipt: this.#receipt };
  }

  /** The document it is about, null while it is closed. */
  get document() {
    return this.#about?.document ?? null;
  }

  /** Open the chat about {document, name, section, title}; it is made when there is none. */
  async open(about) {
    this.#leave();
    this.#about = about;
    this.#receipt = null;
    this.hidden = false;
    this.setAttribute("aria-label", t("Chat about {title}", { title: placeWords(about.title) }));
    this.#part("about").textContent = placeWords(about.title);
    this.#part("about").title = `${about.name}: ${placeWords(about.title)}`;
    await this.#load();
    this.querySelector("textarea").focus({ preventScroll: true });
  }

  close() {
    if (!this.#about) return;
    this.#leave();
    this.hidden = true;
    emit("section-closed");
  }

  /** Ask; as the page's own `ask` does, for the composer. */
  async ask(question, how) {
    const { id } = this.#session;
    const last = this.conversation.last;
    try {
      await this.conversation.ask(this.#session, question, how);
      this.#set({ ...this.#session, message_count: this.#session.message_count + 2 });
    } catch (error) {
      if (error.code === "cleared") await this.#load();
      else if (error.name !== "AbortError" && unsure(error) && (await this.#arrived(question, last))) return;
      else if (error.name !== "AbortError") Object.assign(error, { chat: id, unsure: unsure(error) });
      throw error;
    }
  }

  /** Whether a question whose sending broke is in the chat; shows it then. */
  async #arrived(question, after) {
    const { messages } = (await this.#load().catch(() => null)) ?? { messages: [] };
    return messages.some((message) => message.role === "user" && message.id > after && message.text.trim() === question);
  }

  #part(name) {
    return this.querySelector(`[data-${name}]`);
  }

  #leave() {
    this.#ticket += 1;
    this.#about = this.#session = this.#receipt = null;
    // What is typed belongs to a chat: there is nowhere to put it until it is known.
    this.querySelector("textarea").disabled = true;
    this.conversation.empty(null);
  }

  async #load() {
    const ticket = ++this.#ticket;
    const { document, section } = this.#about;
    try {
      const made = await this.#chat(document, section);
      const { messages, older, about, ...session } = await get(`sessions/${made}`);
      if (ticket !== this.#ticket) return null;
      this.#set(session);
      this.conversation.show(session, messages, older);
      return { messages };
    } catch (error) {
      if (ticket !== this.#ticket) return null;
      this.conversation.empty({ kind: "lost", error, retry: () => this.#load() });
      return null;
    }
  }

  /** The id of the chat: of a document that is gone too, as long as it is known. */
  async #chat(document, section) {
    try {
      return (await post(`documents/${document}/sections/${section}/chat`)).id;
    } catch (error) {
      if (error.status === 404 && this.#session) return this.#session.id;
      throw error;
    }
  }

  #set(session) {
    this.#session = session;
    this.querySelector("textarea").disabled = false;
    const known = Boolean(session.message_count || session.title);
    this.#part("clear").hidden = !known;
    this.#part("whole").href = chatUrl(session.id);
    emit("section-chat", { session, home: this });
  }

  async #clear() {
    const { document, section, title } = this.#about;
    const session = this.#session;
    const what = session.message_count ? n(session.message_count, "{count} message", "{count} messages") : t("every message");
    const cleared = await confirm({
      title: t("Clear this chat?"),
      text: [goesAndStays(t("The chat about “{title}”, {what} and every citation: {when}", { title, what, when: howLong() }), t("The document, and every other chat.")), outOfReach()],
      action: t("Clear chat"),
      run: () => this.#sendClear(document, section),
      explain,
    });
    if (!cleared) return;
    emit("draft-drop", { id: session.id });
    tellGone(session.id, cleared.successor);
    tellChanged(cleared.successor);
    emit("section-cleared", { id: session.id, successor: cleared.successor });
    emit("chats-stale");
    const here = () => this.#about?.document === document && this.#about.section === section;
    if (!here()) return;
    this.conversation.empty(null);
    const receipt = cleared.receipt && (await readReceipt(cleared.receipt).catch(() => ({ id: cleared.receipt })));
    if (!here()) return;
    this.#receipt = receipt;
    await this.#load();
    this.querySelector("textarea").focus({ preventScroll: true });
  }

  async #sendClear(document, section) {
    const response = await request("POST", `documents/${document}/sections/${section}/chat/clear`, { body: {} });
    const { success } = await response.json();
    if (success !== true) throw new Error(t("The server gave an answer that makes no sense."));
    return { successor: response.headers.get("Docchat-Successor"), receipt: response.headers.get("Docchat-Receipt") };
  }

  #head() {
    const title = h("h3", { class: "bar-title", dir: "auto" }, h("span", { class: "sr" }, t("Chat about this part:"), " "), h("span", { dataset: { about: "" } }));
    const clear = h("button", { type: "button", class: "button small", dataset: { clear: "" }, hidden: true, onclick: () => this.#clear() }, icon("clear"), h("span", {}, t("Clear")));
    const whole = h("a", { class: "quiet", dataset: { whole: "" }, title: t("Open this chat in the whole page") }, icon("expand"), h("span", { class: "sr" }, t("Open this chat in the whole page")));
    const close = iconButton("close", t("Close this chat"), () => this.close());
    return h("header", { class: "bar" }, title, clear, whole, close);
  }

  #conversation() {
    return h(
      "docchat-conversation",
      { class: "conversation", tabindex: "0", role: "region", "aria-label": t("Conversation about this part") },
      h("button", { class: "button small earlier", type: "button", dataset: { earlier: "" }, hidden: true }, t("Show earlier messages")),
      h("section", { class: "welcome", dataset: { welcome: "" }, hidden: true }),
      h("ol", { class: "messages", dataset: { messages: "" } }),
      h("div", { class: "sr", dataset: { live: "" }, role: "log", "aria-live": "polite" }),
    );
  }

  #composer() {
    const send = h("button", { class: "send", type: "submit", dataset: { send: "" }, title: t("Send (Enter)") }, icon("send"), h("span", { class: "sr" }, t("Send")));
    const stop = h("button", { class: "send stop", type: "button", dataset: { stop: "" }, title: t("Stop (Escape)"), hidden: true }, icon("stop"), h("span", { class: "sr" }, t("Stop the answer")));
    return h(
      "docchat-composer",
      { class: "composer" },
      h("button", { class: "button small latest", type: "button", dataset: { latest: "" }, hidden: true }, icon("down"), h("span", {}, t("Latest"))),
      h("p", { class: "problem", dataset: { problem: "" }, role: "alert", hidden: true }),
      h(
        "form",
        { class: "ask", dataset: { form: "" } },
        h("textarea", { name: "question", rows: "1", autocomplete: "off", placeholder: t("Ask about this part"), "aria-label": t("Your question about this part") }),
        h("div", { class: "ask-row" }, h("span", { class: "count", dataset: { count: "" }, "aria-live": "polite" }), send, stop),
      ),
    );
  }
}

customElements.define("docchat-section-chat", SectionChat);
