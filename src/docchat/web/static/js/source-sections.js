// What of the shown document can be asked by itself: selected text, this page, a heading; and the chats there are about it.

import { get } from "./api.js";
import { cut, h, icon, points } from "./dom.js";
import { locale, n, t } from "./i18n.js";
import { placeWords } from "./words.js";

const PAGES = 100;
const SHOWN = 60;
/** The level of a heading that does not say its own. */
const UNNUMBERED = 7;
const SENTENCE = /(?:[.!?…]["'”’)\]]*(?=\s|$)|[。！？]|\n\s*\n)/gu;

/** The button in the head of the source, the list it opens, and the bar that comes with selected text. */
export class SectionMenu {
  #place = null;
  #picked = null;
  #sections = [];
  #chats = [];
  #part = 1;
  #next = null;
  #ticket = 0;

  /** `open({section, title, page, start, end})` is called with what was chosen. */
  constructor(open) {
    this.open = open;
    this.button = h("button", { type: "button", class: "quiet", "aria-expanded": "false", "aria-controls": "source-sections", title: t("Ask about a part of this document") }, icon("mark"), h("span", {}, t("Ask")));
    this.panel = h("section", { class: "sections", id: "source-sections", "aria-label": t("Ask about a part of this document"), hidden: true });
    const ask = h("button", { type: "button", class: "button small primary" }, t("Ask about the selected text"));
    this.bar = h("div", { class: "picked", hidden: true }, ask);
    // A click must not take the selection away before it is read.
    this.bar.addEventListener("pointerdown", (event) => event.preventDefault());
    ask.addEventListener("click", () => this.#choose(this.#picked));
    this.button.addEventListener("click", () => this.toggle(this.panel.hidden));
    document.addEventListener("selectionchange", () => this.#selected());
  }

  /** A page is shown: {document, name, attachment, page, body, from}; `body` holds its text from code point `from` on. */
  show(place) {
    const other = place?.document !== this.#place?.document;
    this.#place = place;
    this.button.hidden = !place || Boolean(place.attachment);
    this.#pick(null);
    if (other) {
      [this.#sections, this.#chats, this.#part, this.#next] = [[], [], 1, null];
      this.toggle(false);
    } else if (!this.panel.hidden) this.#load();
  }

  toggle(open) {
    this.panel.hidden = !open;
    this.button.setAttribute("aria-expanded", String(open));
    this.#ticket += 1;
    if (!open) return this.panel.replaceChildren();
    this.#part = partOf(this.#place.page.number);
    this.#draw();
    this.panel.querySelector("button").focus();
    this.#load();
  }

  get opened() {
    return !this.panel.hidden;
  }

  async #load() {
    const ticket = ++this.#ticket;
    const { document } = this.#place;
    try {
      const [found, chats] = await Promise.all([get(`documents/${document}/sections?page=${this.#part}`), get(`sessions?document=${document}`)]);
      if (ticket !== this.#ticket) return;
      [this.#sections, this.#next, this.#chats] = [found.sections, found.next, chats.sessions];
      this.#draw();
    } catch (error) {
      if (ticket === this.#ticket) this.panel.append(h("p", { class: "problem", role: "alert" }, error.message));
    }
  }

  #draw() {
    const focused = this.panel.contains(document.activeElement) ? document.activeElement.dataset.section : null;
    this.panel.replaceChildren(this.#now(), ...this.#talks(), ...this.#headings());
    if (focused) (this.panel.querySelector(`[data-section="${CSS.escape(focused)}"]`) ?? this.panel.querySelector("button")).focus();
  }

  #now() {
    const { page } = this.#place;
    const here = { section: `p${page.number}`, title: placeWords(page.label) || t("the whole text"), page: page.number };
    const words = page.pages < 2 && !page.label ? t("Ask about this document") : t("Ask about {part}", { part: placeWords(page.label) || t("part {number}", { number: page.number }) });
    const picked = this.#picked ? h("button", { type: "button", class: "button small", dataset: { section: this.#picked.section }, onclick: () => this.#choose(this.#picked) }, t("Ask about the selected text")) : null;
    const hint = this.#picked ? null : h("p", { class: "soft" }, t("Or select some text on the page."));
    return h("div", { class: "sections-now" }, h("button", { type: "button", class: "button small", dataset: { section: here.section }, onclick: () => this.#choose(here) }, words), picked, hint);
  }

  /** The chats that say something, each with what it is about. */
  #talks() {
    const names = new Map(this.#sections.map((section) => [section.section, section]));
    const chats = this.#chats.filter((chat) => chat.message_count || chat.title);
    if (!chats.length) return [];
    const items = chats.map((chat) => {
      const about = names.get(chat.section) ?? { section: chat.section, title: whereOf(chat.section), ...placeOf(chat.section) };
      const title = h("span", { class: "sections-title", dir: "auto" }, chat.title || t("Untitled"));
      return h("li", {}, h("button", { type: "button", dataset: { section: chat.section, chat: chat.id }, onclick: () => this.#choose(about) }, title, h("span", { class: "soft" }, `${placeWords(about.title)} · ${n(chat.message_count, "{count} message", "{count} messages")}`)));
    });
    return [h("h3", {}, t("Your chats about it")), h("ul", {}, ...items)];
  }

  #headings() {
    const headings = this.#sections.filter((section) => section.kind === "heading");
    if (!headings.length && this.#part === 1 && !this.#next) return [];
    const deep = depths(headings.map((section) => section.level));
    const here = headings.findIndex((section) => section.page === this.#place.page.number);
    const near = here >= 0 ? here : headings.findLastIndex((section) => section.page < this.#place.page.number);
    const paged = this.#place.page.pages > 1;
    const first = headings.length > SHOWN ? Math.max(0, Math.min(near - SHOWN / 2, headings.length - SHOWN)) : 0;
    const items = headings.slice(first, first + SHOWN).map((section, index) => {
      const label = h("span", { class: "sections-title", dir: "auto" }, placeWords(section.title));
      const page = paged ? h("span", { class: "soft" }, h("span", { class: "sr" }, t("Page {number}", { number: section.page })), h("span", { "aria-hidden": "true" }, section.page.toLocaleString(locale()))) : null;
      return h("li", { class: `deep-${deep[first + index]}` }, h("button", { type: "button", dataset: { section: section.section }, "aria-current": paged && section === headings[near] ? "true" : null, onclick: () => this.#choose(section) }, label, page));
    });
    const earlier = this.#part > 1 ? this.#turn(t("Earlier pages"), this.#part - PAGES) : null;
    const later = this.#next ? this.#turn(t("Later pages"), this.#next) : null;
    return [h("h3", {}, t("Headings")), h("ul", {}, ...items), h("div", { class: "sections-now" }, earlier, later)];
  }

  #turn(words, part) {
    const turn = () => {
      this.#part = part;
      this.#load();
    };
    return h("button", { type: "button", class: "button small", onclick: turn }, words);
  }

  #choose(section) {
    this.toggle(false);
    this.#pick(null);
    getSelection().removeAllRanges();
    this.open(section);
  }

  #pick(section) {
    this.#picked = section;
    this.bar.hidden = !section;
  }

  /** Some text of the page was selected: widened to whole sentences, so that it can be quoted. */
  #selected() {
    const body = this.#place?.body;
    const selection = getSelection();
    if (!body?.isConnected || this.#place.attachment || !selection.rangeCount) return;
    const range = selection.getRangeAt(0);
    if (!body.contains(range.startContainer) || !body.contains(range.endContainer)) return selection.isCollapsed || this.#pick(null);
    const before = document.createRange();
    before.selectNodeContents(body);
    before.setEnd(range.startContainer, range.startOffset);
    const start = before.toString().length;
    const chosen = range.toString();
    if (!chosen.trim()) return this.#pick(null);
    const text = body.textContent;
    const [first, last] = sentences(text, start, start + chosen.length);
    const { page, from } = this.#place;
    const begin = from + points(text.slice(0, first));
    const end = begin + points(text.slice(first, last));
    this.#pick({ section: `s${page.number}-${begin}-${end}`, title: short(text.slice(first, last)), page: page.number, start: begin, end });
  }
}

/** How far each heading is moved in; one that does not say its level stands below the last that does. */
function depths(levels) {
  const top = Math.min(...levels);
  let above = -1;
  return levels.map((level) => {
    if (level === UNNUMBERED) return Math.min(3, above + 1);
    above = level - top;
    return Math.min(3, above);
  });
}

/** The range of whole sentences around a range, in UTF-16 units, without blanks at its ends. */
function sentences(text, start, end) {
  while (start < end && /\s/.test(text[start])) start += 1;
  while (end > start && /\s/.test(text[end - 1])) end -= 1;
  let first = 0;
  let last = text.length;
  for (const { index, 0: stop } of text.matchAll(SENTENCE)) {
    if (index + stop.length <= start) first = index + stop.length;
    else if (index + stop.length >= end) {
      last = stop.trim() ? index + stop.length : index;
      break;
    }
  }
  while (first < start && /\s/.test(text[first])) first += 1;
  while (last > end && /\s/.test(text[last - 1])) last -= 1;
  return [first, last];
}

function short(text) {
  const line = text.replace(/\s+/g, " ").trim();
  return points(line) > 60 ? `${cut(line, 59)[0].trimEnd()}…` : line;
}

function partOf(page) {
  return Math.floor((page - 1) / PAGES) * PAGES + 1;
}

/** Where a section stands, from its id alone. */
function placeOf(section) {
  const [page, start, end] = section.slice(1).split("-").map(Number);
  return section[0] === "s" ? { page, start, end } : { page };
}

function whereOf(section) {
  return t("Page {number}", { number: placeOf(section).page });
}
