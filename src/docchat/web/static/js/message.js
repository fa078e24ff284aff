// <docchat-message>: one question, or one answer as it grows, with its numbered sources.

import { emit } from "./bus.js";
import { h, icon, when } from "./dom.js";
import { forgetMarkdown, showMarkdown } from "./markdown.js";
import { scopeWords } from "./scope.js";

class Message extends HTMLElement {
  #message = null;
  #text = "";
  #sources = new Map();
  #passages = new Map();
  #frame = 0;

  connectedCallback() {
    this.classList.add("message");
  }

  get message() {
    return this.#message;
  }

  get text() {
    return this.#text;
  }

  /** Show a stored message. */
  show(message) {
    this.#message = message;
    this.#text = message.text;
    this.dataset.message = message.id;
    if (message.role === "user") return this.#question();
    this.#sources = new Map(message.citations.map((citation) => [citation.number, citation]));
    if (message.state !== "running") this.#passages.clear();
    this.#frameNow(true);
  }

  /** Begin again: an answer that is followed from its start. */
  begin(passages) {
    this.#text = "";
    this.#passages = new Map(passages.map((passage) => [passage.number, { ...passage, quote: passage.text }]));
    this.#frameNow(true);
  }

  append(text) {
    this.#text += text;
    this.#soon();
  }

  cite(citation) {
    this.#sources.set(citation.number, citation);
    this.#soon();
  }

  /** A document or attachment was deleted: what was quoted from it stays, and leads nowhere any more. */
  forget(document) {
    const mine = [...this.#sources.values(), ...this.#passages.values()].filter((source) => source.document === document && !source.deleted);
    for (const source of mine) source.deleted = true;
    if (mine.length) this.#frameNow(true);
  }

  /** The answer ended badly; what came so far stays, with its marks. */
  fail(error) {
    this.show({ ...this.#message, text: this.#text, citations: [...this.#sources.values()], state: "failed", error });
  }

  /** A line under the answer about the connection, or none. */
  waiting(words) {
    const line = this.querySelector("[data-waiting]");
    if (line) {
      line.hidden = !words;
      line.textContent = words ?? "";
    }
  }

  #question() {
    const text = h("div", { class: "question", dir: "auto" }, h("span", { class: "sr" }, "You asked: "), this.#text);
    const of = scopeWords(this.#message);
    this.replaceChildren(text, of ? h("p", { class: "soft asked-of" }, `Asked of ${of}`) : "");
  }

  /** At most one drawing a frame while text streams in. */
  #soon() {
    if (!this.#frame) this.#frame = requestAnimationFrame(() => this.#frameNow(false));
  }

  #frameNow(fresh) {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    if (fresh || !this.querySelector(".answer")) this.#frameParts();
    const body = this.querySelector(".answer");
    const message = this.#message;
    const running = message.state === "running";
    body.className = `answer ${message.mode ?? ""} ${message.refused ? "refused" : ""} ${running && this.#text ? "running" : ""}`;
    if (fresh) forgetMarkdown(body);
    showMarkdown(body, this.#text, (number) => this.#mark(number));
    this.querySelector("[data-looking]").hidden = !running || this.#text !== "";
    this.#drawSources();
    this.#drawFoot();
  }

  #frameParts() {
    this.replaceChildren(
      h("span", { class: "sr" }, "Answer: "),
      h("p", { class: "looking", dataset: { looking: "" } }, "Looking in your documents…"),
      h("div", { class: "answer" }),
      h("ol", { class: "sources", "aria-label": "Sources" }),
      h("p", { class: "soft", dataset: { waiting: "" }, hidden: true }),
      h("div", { dataset: { end: "" } }),
    );
  }

  /** The button of a mark [n]; null when it leads nowhere. */
  #mark(number) {
    const found = () => this.#sources.get(number) ?? this.#passages.get(number);
    const source = found();
    if (!source) return null;
    const words = [source.name, source.label].filter(Boolean).join(", ");
    if (source.deleted) return h("span", { class: "cite deleted", title: `${words}: source deleted` }, h("span", { class: "sr" }, "Source "), String(number), h("span", { class: "sr" }, ", deleted"));
    const button = h("button", { type: "button", class: "cite", title: words, "aria-label": `Source ${number}: ${words}` }, String(number));
    button.addEventListener("click", () => emit("show-source", { citation: found(), opener: button }));
    return button;
  }

  #drawSources() {
    const list = this.querySelector(".sources");
    const numbers = [...this.#sources.keys()].sort((a, b) => a - b);
    const shown = numbers.map((number) => `${number}${this.#sources.get(number).deleted ? " deleted" : ""}`).join();
    if (list.dataset.numbers === shown) return;
    list.dataset.numbers = shown;
    list.replaceChildren(...numbers.map((number) => h("li", {}, this.#source(this.#sources.get(number)))));
  }

  #source(citation) {
    const number = h("b", {}, String(citation.number));
    const name = h("span", { class: "name", dir: "auto" }, citation.name);
    if (citation.deleted) return h("span", { class: "source-link deleted", title: citation.quote }, number, name, h("span", { class: "label" }, "source deleted"));
    const label = citation.label ? h("span", { class: "label" }, citation.label) : null;
    const button = h("button", { type: "button", class: "source-link", title: citation.quote }, number, name, label);
    button.addEventListener("click", () => emit("show-source", { citation, opener: button }));
    return button;
  }

  #drawFoot() {
    const message = this.#message;
    const end = this.querySelector("[data-end]");
    if (message.state === "running") return end.replaceChildren();
    const nodes = [];
    if (message.state === "stopped") nodes.push(h("p", { class: "soft stopped" }, "Stopped. This is what was there until then."));
    if (message.state === "failed") nodes.push(this.#failed(message));
    else if (message.error) nodes.push(h("p", { class: "soft stopped", role: "note" }, message.error));
    if (this.#text) nodes.push(this.#facts(message));
    end.replaceChildren(...nodes);
  }

  #failed(message) {
    const again = (mode, words) => h("button", { type: "button", class: "button small", onclick: () => emit("ask-again", { answer: message.id, mode }) }, words);
    const buttons = [again(message.mode ?? undefined, "Ask again")];
    if (message.mode === "model") buttons.push(again("quotes", "Answer with quotes instead"));
    return h("div", { class: "problem", role: "alert" }, h("span", {}, message.error || "This answer failed."), ...buttons);
  }

  #facts(message) {
    const made = message.mode === "model" ? `Written by ${message.model || "the model"}` : "Quoted from your documents";
    const copy = h("button", { type: "button", class: "quiet" }, icon("copy"), "Copy");
    copy.addEventListener("click", () => this.#copy());
    return h("div", { class: "message-foot" }, copy, message.refused ? null : h("span", {}, made), h("time", { datetime: message.created_at }, when(message.created_at)));
  }

  async #copy() {
    const sources = [...this.#sources.values()].map((source) => `[${source.number}] ${[source.name, source.label, source.deleted ? "source deleted" : ""].filter(Boolean).join(", ")}`);
    try {
      await navigator.clipboard.writeText([this.#text, ...sources].join("\n"));
      emit("notice", { text: "Copied, with its sources." });
    } catch {
      emit("notice", { text: "The browser did not allow copying." });
    }
  }
}

customElements.define("docchat-message", Message);
