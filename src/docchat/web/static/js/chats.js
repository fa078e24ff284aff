// <docchat-chats>: the list of the own chats: pinned ones, then by day; those that are put away; and the search in all.

import { offer } from "./actions.js";
import { get, post } from "./api.js";
import { emit, on } from "./bus.js";
import { ChatMenu, chatLink, chatRow, renameIn, titleOf } from "./chat-row.js";
import { context } from "./context.js";
import { h, marked } from "./dom.js";
import { locale, n, t } from "./i18n.js";

const DAY = 86_400_000;
const PAUSE = 200;
const SLOW = 400;
const PAGE = 40;
/** So many places a search tells of. */
const MOST_HITS = 20;

/** The words over a group of chats last changed at `iso`. */
function groupOf(iso) {
  const midnight = new Date().setHours(0, 0, 0, 0);
  const time = new Date(iso).getTime();
  if (time >= midnight) return t("Today");
  if (time >= midnight - DAY) return t("Yesterday");
  if (time >= midnight - 6 * DAY) return t("Last seven days");
  return new Date(iso).toLocaleString(locale(), { month: "long", year: "numeric" });
}

const holds = (session) => session.message_count > 0 || session.title || session.drafted;
const plain = (event) => !(event.ctrlKey || event.metaKey || event.shiftKey);

class Chats extends HTMLElement {
  #sessions = [];
  #pinned = [];
  #next = null;
  #current = context().page === "chat" ? context().session : null;
  #away = false;
  #ticket = 0;
  #timer = 0;
  #renaming = null;
  #last = null;
  #loading = false;

  connectedCallback() {
    this.list = this.querySelector("[data-list]");
    this.input = this.querySelector("[data-search] input");
    this.many = this.querySelector("[data-many]");
    this.archive = this.querySelector("[data-archive]");
    this.menu = new ChatMenu(this, (session) => this.#rename(session));
    this.older = new IntersectionObserver((seen) => seen.some((one) => one.isIntersecting) && this.#more(), { root: this.list, rootMargin: "400px" });
    this.querySelector("[data-search]").addEventListener("submit", (event) => event.preventDefault());
    this.input.addEventListener("input", () => this.#typed());
    this.addEventListener("keydown", (event) => {
      this.#escape(event);
      this.#step(event);
      this.#nameHere(event);
    });
    this.list.addEventListener("click", (event) => this.#clicked(event));
    this.list.addEventListener("scroll", () => this.menu.close(), { passive: true });
    document.querySelector("[data-new-chat]").addEventListener("click", (event) => this.#newChat(event));
    this.many.addEventListener("click", () => emit("clear-many"));
    this.archive.addEventListener("click", () => this.#turn(!this.#away));
    on("chats-stale", () => this.reload({ keep: true }));
    on("chat", ({ session }) => this.#mark(session?.id ?? null));
    on("gone", ({ id }) => this.#forget(id));
    on("emptied", () => this.#forget(null));
    on("changed", () => this.reload());
    this.#offer();
    this.reload();
  }

  #offer() {
    offer({ id: "chat.new", name: () => t("New chat"), keys: "Ctrl+Shift+O", run: () => document.querySelector("[data-new-chat]").click() });
    offer({ id: "chat.search", name: () => t("Search your chats"), keys: "/", run: () => this.#seek() });
    offer({ id: "chat.archived", name: () => (this.#away ? t("Back to your chats") : t("Archived chats")), run: () => this.#turn(!this.#away) });
    offer({ id: "chat.many", name: () => t("Clear many…"), run: () => emit("clear-many"), when: () => !this.many.hidden });
  }

  #seek() {
    emit("side-wanted");
    this.input.focus();
  }

  /** Read the list anew; with `keep` what was shown further down stays, for a list that only moved on. */
  async reload({ keep = false } = {}) {
    const away = this.#away;
    try {
      const page = await get(`sessions?limit=${PAGE}${away ? "&archived=1" : ""}`);
      if (away !== this.#away) return;
      const fresh = new Set(page.sessions.map(({ id }) => id));
      const below = keep && page.next ? this.#sessions.slice(PAGE).filter(({ id }) => !fresh.has(id)) : [];
      this.#sessions = [...page.sessions, ...below];
      this.#pinned = page.pinned ?? [];
      if (!below.length) this.#next = page.next;
      emit("chats", { sessions: [...page.sessions, ...this.#pinned] });
      if (!this.input.value.trim()) this.#draw();
    } catch (error) {
      if (!this.#sessions.length) this.#say(error.message);
    }
  }

  #forget(id) {
    this.#sessions = this.#sessions.filter((session) => session.id !== id);
    this.#pinned = this.#pinned.filter((session) => session.id !== id);
    this.input.value = "";
    this.#draw();
    this.reload();
  }

  /** Between the chats and those that are put away. */
  #turn(away) {
    this.#away = away;
    this.#sessions = [];
    this.#next = null;
    this.input.value = "";
    this.archive.querySelector("span").textContent = away ? t("Back to your chats") : t("Archived chats");
    this.archive.setAttribute("aria-pressed", String(away));
    this.#say("");
    emit("side-wanted");
    this.reload();
  }

  #mark(id) {
    this.#current = id;
    for (const link of this.list.querySelectorAll("[data-chat]")) this.#state(link);
    if (id && ![...this.#sessions, ...this.#pinned].some((session) => session.id === id)) this.reload({ keep: true });
  }

  #state(link) {
    if (link.dataset.chat === this.#current && !link.classList.contains("hit")) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }

  // drawing

  #draw() {
    if (this.#renaming) return;
    // An empty chat is listed only while it is the one on the screen; one whose history was cleared has a title yet.
    const shown = this.#sessions.filter((session) => !session.pinned && (holds(session) || session.id === this.#current));
    this.many.hidden = ![...this.#sessions, ...this.#pinned].some(holds);
    if (!shown.length && !this.#pinned.length) return this.#say(this.#away ? t("Chats that you archive will be listed here.") : t("Your chats will be listed here."));
    const focused = this.list.contains(document.activeElement) ? document.activeElement.closest("[data-row]")?.dataset.row : null;
    const height = this.list.scrollTop;
    this.list.replaceChildren();
    this.#last = null;
    if (this.#away) this.list.append(h("p", { class: "soft chats-empty" }, t("Archived chats. The search finds them too.")));
    if (this.#pinned.length) this.#append(this.#pinned, () => t("Pinned"));
    this.#last = null;
    this.#append(shown);
    this.#foot();
    this.list.scrollTop = height;
    if (focused) this.#row(focused)?.querySelector("a").focus();
  }

  #append(sessions, name = (session) => groupOf(session.updated_at)) {
    for (const session of sessions) {
      const group = name(session);
      if (group !== this.#last?.group) {
        this.#last = { group, items: h("ul", {}) };
        this.list.append(h("h2", {}, group), this.#last.items);
      }
      const link = chatLink(session);
      this.#state(link);
      this.#last.items.append(chatRow(session, link, (...of) => this.menu.open(...of, this.#current)));
    }
  }

  #foot() {
    this.older.disconnect();
    this.list.querySelector("[data-older]")?.remove();
    if (!this.#next) return;
    const button = h("button", { type: "button", class: "quiet", dataset: { older: "" }, onclick: () => this.#more() }, t("Show older chats"));
    this.list.append(button);
    this.older.observe(button);
  }

  async #more() {
    if (this.#loading || !this.#next) return;
    this.#loading = true;
    const from = this.#next;
    try {
      const page = await get(`sessions?limit=${PAGE}&cursor=${encodeURIComponent(from)}${this.#away ? "&archived=1" : ""}`);
      if (from !== this.#next) return;
      this.#sessions.push(...page.sessions);
      this.#next = page.next;
      if (this.input.value.trim() || this.#renaming) return;
      this.#append(page.sessions.filter((session) => !session.pinned && holds(session)));
      this.#foot();
    } catch (error) {
      // The button stays for another try by hand.
      this.older.disconnect();
      emit("notice", { text: error.message });
    } finally {
      this.#loading = false;
    }
  }

  #say(text) {
    this.older.disconnect();
    this.list.replaceChildren(h("p", { class: "soft chats-empty" }, text));
  }

  #row(id) {
    return this.list.querySelector(`[data-row="${CSS.escape(id)}"]`);
  }

  async #rename(session) {
    const item = this.#row(session.id);
    if (!item) return;
    this.#renaming = session.id;
    await renameIn(item, session);
    this.#renaming = null;
    const back = item.contains(document.activeElement) || document.activeElement === document.body;
    await this.reload({ keep: true });
    if (back) this.#row(session.id)?.querySelector("a").focus();
  }

  // by hand

  #clicked(event) {
    const link = event.target.closest("[data-chat]");
    if (!link || context().page !== "chat" || !plain(event)) return;
    event.preventDefault();
    emit("open-chat", { id: link.dataset.chat, message: Number(link.dataset.message) || null });
  }

  #newChat(event) {
    if (context().page !== "chat" || !plain(event)) return;
    event.preventDefault();
    emit("new-chat");
  }

  /** Arrows lead from the search into the list, and along it. */
  #step(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const here = event.target;
    if (!step || !(here === this.input || here.matches(".chat-link"))) return;
    const stops = [this.input, ...this.list.querySelectorAll(".chat-link")];
    const next = stops[stops.indexOf(here) + step];
    if (!next) return;
    event.preventDefault();
    next.focus();
  }

  /** F2 in the list is for the chat where the focus is. */
  #nameHere(event) {
    const id = event.key === "F2" ? event.target.closest("[data-row]")?.dataset.row : null;
    const session = [...this.#pinned, ...this.#sessions].find((one) => one.id === id);
    if (!session) return;
    event.preventDefault();
    this.#rename(session);
  }

  // the search

  #typed() {
    clearTimeout(this.#timer);
    this.#ticket += 1;
    if (this.input.value.trim()) this.#timer = setTimeout(() => this.#search(this.#ticket), PAUSE);
    else this.#draw();
  }

  #escape(event) {
    if (event.key !== "Escape" || !this.input.value || event.target.closest(".chat-menu")) return;
    event.preventDefault();
    event.stopPropagation();
    this.input.value = "";
    this.input.focus();
    this.#typed();
  }

  async #search(ticket) {
    const text = this.input.value.trim();
    // Chats are sealed: each is opened for it, which takes a while where there are thousands.
    const slow = setTimeout(() => ticket === this.#ticket && this.#say(t("Searching your chats…")), SLOW);
    try {
      const { hits, complete } = await post("sessions/search", { text });
      if (ticket !== this.#ticket) return;
      if (!hits.length) return this.#say(complete ? t("Nothing in your chats holds “{text}”.", { text }) : t("Nothing in your newest chats holds “{text}”. Older ones were not looked through.", { text }));
      const count = hits.length < MOST_HITS ? n(hits.length, "{count} place", "{count} places") : t("The {count} newest places", { count: MOST_HITS });
      this.older.disconnect();
      this.list.replaceChildren(h("p", { class: "soft chats-found", role: "status" }, count), h("ul", {}, ...hits.map((hit) => h("li", {}, this.#hit(hit)))));
    } catch (error) {
      if (ticket === this.#ticket) this.#say(error.message);
    } finally {
      clearTimeout(slow);
    }
  }

  #hit({ session, message, snippet, marks }) {
    const found = marked(snippet, marks);
    const where = session.archived ? h("span", { class: "chat-begun" }, t("Archived")) : null;
    const title = message === null ? found : [titleOf(session)];
    const content = [h("strong", {}, h("bdi", {}, ...title)), where, message !== null && h("span", { class: "snippet" }, h("bdi", {}, ...found))];
    const link = chatLink(session, ...content.filter(Boolean));
    link.classList.add("hit");
    if (message !== null) link.dataset.message = message;
    return link;
  }
}

customElements.define("docchat-chats", Chats);
