// <docchat-chats>: the list of the own chats by day, and the search in them.

import { get, post } from "./api.js";
import { emit, on } from "./bus.js";
import { chatUrl, context } from "./context.js";
import { h, marked } from "./dom.js";

const DAY = 86_400_000;
const PAUSE = 200;

/** The words over a group of chats last changed at `iso`. */
function groupOf(iso) {
  const midnight = new Date().setHours(0, 0, 0, 0);
  const time = new Date(iso).getTime();
  if (time >= midnight) return "Today";
  if (time >= midnight - DAY) return "Yesterday";
  if (time >= midnight - 6 * DAY) return "Last seven days";
  return new Date(iso).toLocaleString("en", { month: "long", year: "numeric" });
}

class Chats extends HTMLElement {
  #sessions = [];
  #next = null;
  #current = context().page === "chat" ? context().session : null;
  #ticket = 0;
  #timer = 0;

  connectedCallback() {
    this.list = this.querySelector("[data-list]");
    this.input = this.querySelector("[data-search] input");
    this.querySelector("[data-search]").addEventListener("submit", (event) => event.preventDefault());
    this.input.addEventListener("input", () => this.#typed());
    this.input.addEventListener("keydown", (event) => this.#escape(event));
    this.list.addEventListener("click", (event) => this.#clicked(event));
    document.querySelector("[data-new-chat]").addEventListener("click", (event) => this.#newChat(event));
    on("chats-stale", () => this.reload());
    on("chat", ({ session }) => this.#mark(session?.id ?? null));
    on("gone", ({ id }) => this.#forget(id));
    on("emptied", () => this.#forget(null));
    on("changed", () => this.reload());
    this.many = this.querySelector("[data-many]");
    this.many.addEventListener("click", () => emit("clear-many"));
    this.reload();
  }

  async reload() {
    try {
      const page = await get("sessions");
      this.#sessions = page.sessions;
      this.#next = page.next;
      emit("chats", { sessions: page.sessions });
      if (!this.input.value.trim()) this.#draw();
    } catch (error) {
      if (!this.#sessions.length) this.#say(error.message);
    }
  }

  #forget(id) {
    this.#sessions = this.#sessions.filter((session) => session.id !== id);
    this.input.value = "";
    this.#draw();
    this.reload();
  }

  #mark(id) {
    this.#current = id;
    for (const link of this.list.querySelectorAll("[data-chat]")) this.#state(link);
    if (id && !this.#sessions.some((session) => session.id === id)) this.reload();
  }

  #state(link) {
    if (link.dataset.chat === this.#current && !link.classList.contains("hit")) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }

  #draw() {
    // An empty chat is listed only while it is the one on the screen; one whose history was cleared has a title yet.
    const shown = this.#sessions.filter((session) => session.message_count > 0 || session.title || session.id === this.#current);
    this.many.hidden = !shown.some((session) => session.message_count > 0 || session.title);
    if (!shown.length) return this.#say("Your chats will be listed here.");
    const groups = Map.groupBy ? Map.groupBy(shown, (session) => groupOf(session.updated_at)) : grouped(shown);
    const nodes = [];
    for (const [name, sessions] of groups) {
      nodes.push(h("h2", {}, name), h("ul", {}, ...sessions.map((session) => h("li", {}, this.#link(session)))));
    }
    if (this.#next) nodes.push(h("button", { type: "button", class: "quiet", onclick: () => this.#more() }, "Show older chats"));
    this.list.replaceChildren(...nodes);
  }

  #link(session, ...content) {
    const title = session.title || "New chat";
    const link = h("a", { class: "chat-link", href: chatUrl(session.id), dataset: { chat: session.id }, dir: "auto" }, ...(content.length ? content : [title]));
    this.#state(link);
    return link;
  }

  async #more() {
    try {
      const page = await get(`sessions?cursor=${encodeURIComponent(this.#next)}`);
      this.#sessions.push(...page.sessions);
      this.#next = page.next;
      this.#draw();
    } catch (error) {
      emit("notice", { text: error.message });
    }
  }

  #say(text) {
    this.list.replaceChildren(h("p", { class: "soft chats-empty" }, text));
  }

  #clicked(event) {
    const link = event.target.closest("[data-chat]");
    if (!link || context().page !== "chat" || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    emit("open-chat", { id: link.dataset.chat, message: Number(link.dataset.message) || null });
  }

  #newChat(event) {
    if (context().page !== "chat" || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    emit("new-chat");
  }

  #typed() {
    clearTimeout(this.#timer);
    this.#ticket += 1;
    if (this.input.value.trim()) this.#timer = setTimeout(() => this.#search(this.#ticket), PAUSE);
    else this.#draw();
  }

  #escape(event) {
    if (event.key !== "Escape" || !this.input.value) return;
    event.preventDefault();
    event.stopPropagation();
    this.input.value = "";
    this.#typed();
  }

  async #search(ticket) {
    const text = this.input.value.trim();
    try {
      const { hits } = await post("sessions/search", { text });
      if (ticket !== this.#ticket) return;
      if (!hits.length) return this.#say(`Nothing in your chats holds “${text}”.`);
      this.list.replaceChildren(h("ul", {}, ...hits.map((hit) => h("li", {}, this.#hit(hit)))));
    } catch (error) {
      if (ticket === this.#ticket) this.#say(error.message);
    }
  }

  #hit({ session, message, snippet, marks }) {
    const found = marked(snippet, marks);
    const content = message === null ? [h("strong", {}, ...found)] : [h("strong", {}, session.title || "New chat"), h("span", { class: "snippet" }, ...found)];
    const link = this.#link(session, ...content);
    link.classList.add("hit");
    link.removeAttribute("aria-current");
    if (message !== null) link.dataset.message = message;
    return link;
  }
}

function grouped(sessions) {
  const groups = new Map();
  for (const session of sessions) {
    const name = groupOf(session.updated_at);
    groups.set(name, [...(groups.get(name) ?? []), session]);
  }
  return groups;
}

customElements.define("docchat-chats", Chats);
