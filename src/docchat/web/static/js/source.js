// <docchat-source>: the page a citation points at, beside the chat, with the passage marked.

import { offer } from "./actions.js";
import { get } from "./api.js";
import { emit, on } from "./bus.js";
import { context } from "./context.js";
import { cut, h, icon, iconButton, points, svg } from "./dom.js";
import { locale, t } from "./i18n.js";
import { rectangles } from "./marks.js";
import { CitationSteps, Zoom } from "./source-cites.js";
import { SectionMenu } from "./source-sections.js";
import { drawText } from "./source-text.js";
import { WayBack } from "./way-back.js";
import { placeWords } from "./words.js";

const PADDING = 0.003;
/** Where the source lies over the chat, and where it hides the chat altogether. */
const over = matchMedia("(width < 68rem)");
const alone = matchMedia("(width < 48rem)");

class Source extends HTMLElement {
  #shown = null;
  #page = null;
  #opener = null;
  #asText = false;
  #ticket = 0;
  #chat = null;
  #menu = new SectionMenu((section) => this.#ask(section));
  #talk = null;
  #cites = new CitationSteps((citation, opener) => this.open(citation, opener));
  #zoom = new Zoom(() => this.#draw());
  #way = new WayBack(alone, () => this.close());

  connectedCallback() {
    this.#part("name").before(h("span", { class: "only-narrow" }, iconButton("left", t("Back to the chat"), () => this.close())));
    this.#part("foot").prepend(this.#cites.node);
    this.#part("foot").append(this.#zoom.node);
    this.#part("view").before(this.#menu.button);
    this.#part("body").before(this.#menu.panel);
    this.#part("body").after(this.#menu.bar);
    this.#part("close").addEventListener("click", () => this.close());
    this.#part("previous").addEventListener("click", () => this.#turn(-1));
    this.#part("next").addEventListener("click", () => this.#turn(1));
    this.#part("view").addEventListener("click", () => this.#switch());
    this.addEventListener("keydown", (event) => this.#key(event));
    document.addEventListener("keydown", (event) => this.#escape(event), true);
    alone.addEventListener("change", () => this.#cover());
    on("show-source", ({ citation, opener }) => this.open(citation, opener));
    on("chat", ({ session }) => this.#chatIs(session?.id ?? null));
    for (const name of ["gone", "emptied"]) on(name, () => this.close(false));
    on("section-cleared", (detail) => this.#sectionCleared(detail));
    on("section-closed", () => !this.hidden && this.#menu.button.focus());
    this.#offer();
  }

  #offer() {
    const shown = () => !this.hidden;
    const page = (step) => shown() && this.#page && this.#page.number + step >= 1 && this.#page.number + step <= this.#page.pages;
    const all = [
      ["next-citation", () => t("Next citation"), "N", () => this.#cites.step(1), () => shown() && this.#cites.can(1)],
      ["previous-citation", () => t("Previous citation"), "P", () => this.#cites.step(-1), () => shown() && this.#cites.can(-1)],
      ["next-page", () => t("Next page"), "Alt+PageDown", () => this.#turn(1), () => page(1)],
      ["previous-page", () => t("Previous page"), "Alt+PageUp", () => this.#turn(-1), () => page(-1)],
      ["larger", () => t("Larger"), "+", () => this.#zoom.step(1), () => shown() && this.#zoom.can(1)],
      ["smaller", () => t("Smaller"), "-", () => this.#zoom.step(-1), () => shown() && this.#zoom.can(-1)],
      ["view", () => (this.#asText ? t("Show the page as a picture") : t("Show the page as text")), "", () => this.#switch(), () => shown() && !this.#part("view").hidden],
      ["original", () => t("Open the original file"), "", () => this.#part("original").click(), () => shown() && !this.#part("original").hidden],
      ["close", () => t("Close the source"), "Escape", () => this.close(), () => shown() && over.matches],
    ];
    for (const [id, name, keys, run, when] of all) offer({ id: `source.${id}`, name, keys: keys === "Escape" ? "" : keys, run, when });
  }

  /** Another chat has other sources. */
  #chatIs(id) {
    if (id !== this.#chat) this.close(false);
    this.#chat = id;
  }

  #part(name) {
    return this.querySelector(`[data-${name}]`);
  }

  /** Where the server has the document, or the file that was attached to this chat. */
  get #base() {
    const { document, attachment } = this.#shown;
    return attachment ? `sessions/${this.#chat}/attachments/${document}` : `documents/${document}`;
  }

  /** What cannot be seen behind the source cannot be reached either. */
  #cover() {
    document.getElementById("content").inert = alone.matches && !this.hidden;
  }

  /** Escape closes what lies over the chat, wherever the focus is. */
  #escape(event) {
    if (event.key !== "Escape" || this.hidden || !over.matches || document.querySelector("dialog[open]")) return;
    if (this.contains(event.target)) return; // it knows what to close
    event.stopPropagation();
    this.close();
  }

  /** Show a citation {document, name, page, start, end, quote}; without `start` just the page. */
  open(citation, opener = null) {
    if (this.#talk?.document !== citation.document) this.#talk?.close();
    this.#opener?.classList.remove("shown");
    this.#opener = opener;
    opener?.classList.add("shown");
    this.#shown = citation;
    const fresh = this.hidden;
    if (fresh || this.#page?.document !== citation.document) this.#asText = false;
    this.hidden = false;
    this.#cover();
    this.#cites.show(citation, opener);
    this.#way.leave();
    opener?.scrollIntoView({ block: "nearest" });
    this.#part("name").textContent = citation.name;
    this.#part("name").title = citation.name;
    this.#part("original").hidden = false;
    this.#load(citation.page);
    if (fresh || !this.contains(document.activeElement)) this.#part("name").focus({ preventScroll: true });
  }

  close(giveBack = true) {
    if (this.hidden) return;
    this.#ticket += 1;
    this.hidden = true;
    this.#cover();
    this.#way.arrive();
    this.#cites.hide();
    this.#talk?.close();
    this.#menu.show(null);
    this.#part("body").replaceChildren();
    this.#part("name").textContent = "";
    this.#shown = this.#page = null;
    this.#opener?.classList.remove("shown");
    if (giveBack && this.#opener?.isConnected) this.#opener.focus();
    this.#opener = null;
    emit("source-closed");
  }

  /** Open the small chat about a part of the document, and show where that is. */
  async #ask({ section, title, page, start, end, kind }) {
    const { document, name } = this.#shown;
    if (page !== this.#page.number || start !== undefined) {
      const until = kind === "heading" ? start + points(title) : end;
      this.#shown = start === undefined || kind === "page" ? { document, name, page } : { document, name, page, start, end: until };
      if (start !== undefined && kind !== "page") this.#asText ||= kind === undefined;
      this.#load(page);
    }
    await import("./source-chat.js");
    if (!this.#talk) {
      this.#talk = window.document.createElement("docchat-section-chat");
      this.#talk.className = "section-chat";
      this.append(this.#talk);
    }
    await this.#talk.open({ document, name, section, title });
  }

  /** What the cleared chat has quoted is marked no more; the same chat in the page is gone as well. */
  #sectionCleared({ id, successor }) {
    if (id === this.#chat) return emit("gone", { id, successor });
    const { document, name } = this.#shown;
    this.#shown = { document, name, page: this.#page.number };
    this.#opener = null;
    this.#draw();
  }

  async #load(number) {
    const ticket = ++this.#ticket;
    const { document } = this.#shown;
    // A browser that shows PDFs turns to the page; it means nothing for other files.
    this.#part("original").href = `${context().api}${this.#base}/original?show=1#page=${number}`;
    try {
      const page = await get(`${this.#base}/pages/${number}`);
      if (ticket !== this.#ticket) return;
      this.#page = { ...page, document };
      this.#draw();
    } catch (error) {
      if (ticket === this.#ticket) this.#lost(error);
    }
  }

  /** Without the page there is still the quote that the answer keeps. */
  #lost(error) {
    if (error.status === 404) emit("source-deleted", { document: this.#shown.document });
    this.#part("original").hidden = error.status === 404;
    this.#menu.show(null);
    const words = error.status === 404 ? (this.#shown.attachment ? t("This file is no longer in this chat.") : t("This document is no longer in the library.")) : error.message;
    const quote = this.#shown.quote ? [h("p", { class: "soft" }, t("The answer quoted:")), h("blockquote", {}, this.#shown.quote)] : [];
    const again = error.status === 404 ? null : h("button", { type: "button", class: "button small", onclick: () => this.#load(this.#shown.page) }, t("Try again"));
    this.#part("body").replaceChildren(h("div", { class: "source-lost" }, h("p", { class: "problem" }, words), ...quote, again ?? ""));
    this.#zoom.node.hidden = this.#part("pages").hidden = true;
    this.#part("foot").hidden = this.#cites.node.hidden;
    for (const name of ["view", "strip"]) this.#part(name).hidden = true;
  }

  #draw() {
    const page = this.#page;
    const image = page.image && !this.#asText;
    this.#part("pages").hidden = page.pages < 2;
    this.#zoom.node.hidden = !image;
    this.#part("foot").hidden = page.pages < 2 && !image && this.#cites.node.hidden;
    this.#part("where").textContent = whereOf(page);
    this.#part("previous").disabled = page.number <= 1;
    this.#part("next").disabled = page.number >= page.pages;
    this.#part("view").hidden = !page.image;
    this.#part("view").replaceChildren(icon(this.#asText ? "image" : "text"), h("span", {}, this.#asText ? t("Page") : t("Text")));
    this.#part("body").replaceChildren(image ? this.#image(page) : this.#text(page));
    const body = image ? null : this.querySelector("[data-from]");
    this.#menu.show({ ...this.#shown, page, body, from: Number(body?.dataset.from ?? 0) });
    if (!image) this.#reveal("mark");
    this.#strip(page);
  }

  /** The pages around this one, small. */
  #strip(page) {
    const place = this.#part("strip");
    place.hidden = !page.image || page.pages < 2;
    if (place.hidden) return place.replaceChildren();
    const first = Math.max(1, Math.min(page.number - 2, page.pages - 4));
    const numbers = Array.from({ length: Math.min(5, page.pages) }, (_, index) => first + index);
    const focused = place.contains(document.activeElement);
    place.replaceChildren(...numbers.map((number) => this.#small(number, number === page.number)));
    if (focused) place.querySelector("[aria-current]").focus();
  }

  #small(number, here) {
    const image = h("img", { src: this.#smallUrl(number), alt: "", decoding: "async" });
    image.addEventListener("error", () => image.remove());
    const words = h("span", {}, h("span", { class: "sr" }, t("Page {number}", { number })), h("span", { "aria-hidden": "true" }, number.toLocaleString(locale())));
    return h("button", { type: "button", class: "strip-page", "aria-current": here ? "page" : null, onclick: () => this.#load(number) }, image, words);
  }

  /** What is attached to a chat has no thumbnails of its own: the page's picture does, and is kept nowhere. */
  #smallUrl(number) {
    const path = this.#shown.attachment ? `pages/${number}/image?width=240` : `thumbnail?page=${number}`;
    return `${context().api}${this.#base}/${path}`;
  }

  /** The quoted range when this is the page it stands on. */
  #range() {
    const { page, start, end } = this.#shown;
    return this.#page.number === page && start !== undefined ? [start, end] : null;
  }

  #text(page) {
    const range = this.#range();
    const [seen] = cut(page.text, page.hidden[0]?.[0] ?? Infinity);
    const { body, cut: less } = drawText(seen, { name: this.#shown.name, range, headings: page.headings });
    const note = less ? h("p", { class: "soft" }, t("This text is long; the part around the passage is shown. Download the original for all of it.")) : "";
    return h("article", { class: "page-text" }, body, note, ...page.hidden.map((place) => concealed(page.text, place)));
  }

  #image(page) {
    const shown = this.clientWidth * devicePixelRatio * this.#zoom.factor;
    const width = Math.min(3000, Math.ceil(shown / 200) * 200);
    const url = new URL(page.image, location.href);
    url.searchParams.set("width", String(width));
    const image = h("img", { src: url.href, alt: t("{page} of {name} as an image", { page: placeWords(page.label) || t("Page {number}", { number: page.number }), name: this.#shown.name }) });
    const frame = h("figure", { class: "page-image", dataset: { zoom: String(this.#zoom.factor * 100) } }, image);
    image.addEventListener("load", () => {
      const range = this.#range();
      if (range) frame.append(overlay(rectangles(page.boxes, ...range), image));
      this.#reveal("rect");
    });
    image.addEventListener("error", () => {
      this.#asText = true;
      this.#draw();
    });
    return page.hidden.length ? h("div", { class: "page-with-note" }, frame, this.#unseen()) : frame;
  }

  /** The picture shows what a person sees; what nobody sees is in the text. */
  #unseen() {
    const show = h("button", { type: "button", class: "button small", onclick: () => this.#switch() }, t("Show it as text"));
    return h("p", { class: "hidden-note" }, h("span", {}, t("This page holds hidden text that its picture does not show. No answer uses it.")), show);
  }

  #reveal(selector) {
    const body = this.#part("body");
    const target = body.querySelector(selector);
    if (!target) {
      body.scrollTop = 0;
      return;
    }
    const place = target.getBoundingClientRect();
    const frame = body.getBoundingClientRect();
    body.scrollTop += place.top - frame.top - body.clientHeight / 3;
    body.scrollLeft += place.left - frame.left - body.clientWidth / 4;
  }

  #turn(step) {
    const number = this.#page.number + step;
    if (number >= 1 && number <= this.#page.pages) this.#load(number);
  }

  #switch() {
    this.#asText = !this.#asText;
    this.#draw();
  }

  #key(event) {
    if (event.key === "Escape") {
      if (this.#talk?.conversation.busy && this.#talk.contains(event.target)) return; // it stops the answer
      event.stopPropagation();
      if (!this.#menu.opened) return this.close();
      this.#menu.toggle(false);
      this.#menu.button.focus();
    }
  }
}

/** "Page 3 of 16"; a sheet or slide with a name of its own keeps it: "Addresses, 1 of 2". */
function whereOf({ label, number, pages }) {
  if (pages < 2) return label;
  const count = pages.toLocaleString(locale());
  if (label === `Page ${number}`) return t("Page {number} of {count}", { number: number.toLocaleString(locale()), count });
  if (label.endsWith(String(number))) return t("{label} of {count}", { label, count });
  const where = t("{number} of {count}", { number: number.toLocaleString(locale()), count });
  return label ? t("{label}, {where}", { label, where }) : where;
}

/** Text that nobody sees who opens the file, apart from the rest and marked. */
function concealed(text, [start, end]) {
  const [, piece] = cut(text, start, end);
  const [, kind, words] = /^\[(Hidden text|Note): ([\s\S]*)\]$/.exec(piece) ?? [null, "Hidden text", piece];
  const told = kind === "Note" ? t("Note") : t("Hidden text: not to be seen in the file itself, and used in no answer");
  return h("aside", { class: kind === "Note" ? "hidden-text note" : "hidden-text", "aria-label": kind === "Note" ? t("Note") : t("Hidden text") }, h("strong", {}, told), h("span", { dir: "auto" }, words));
}

function overlay(areas, image) {
  const { naturalWidth: width, naturalHeight: height } = image;
  const rects = areas.map(([left, top, right, bottom]) =>
    svg("rect", {
      x: (left - PADDING) * width,
      y: (top - PADDING) * height,
      width: Math.max(0, right - left + 2 * PADDING) * width,
      height: Math.max(0, bottom - top + 2 * PADDING) * height,
      rx: width / 300,
    }),
  );
  return svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": t("The quoted passage is marked") }, ...rects);
}

customElements.define("docchat-source", Source);
