// <docchat-message>: one question, or one answer as it grows, with its numbered sources.

import { footOf } from "./answer-foot.js";
import { h, iconButton } from "./dom.js";
import { doubtWords, markDoubts, withMarks } from "./doubts.js";
import { editor } from "./edit.js";
import { t } from "./i18n.js";
import { forgetMarkdown, showMarkdown } from "./markdown.js";
import { sameAs, scopeWords } from "./scope.js";
import { markOf, nearestList, sourceLink } from "./cited.js";
import { followUps } from "./suggestions.js";

class Message extends HTMLElement {
  #message = null;
  #text = "";
  #sources = new Map();
  #passages = new Map();
  #frame = 0;
  /** Id of the chat it belongs to. */
  session = null;

  connectedCallback() {
    this.classList.add("message");
  }

  get message() {
    return this.#message;
  }

  get text() {
    return this.#text;
  }

  /** What the answer cites and is still there, by number; what comes closest when it refuses. */
  get citations() {
    const cited = [...this.#sources.values()].sort((a, b) => a.number - b.number);
    return (cited.length ? cited : (this.#message.nearest ?? [])).filter((citation) => !citation.deleted);
  }

  /** The button that leads to the citation at `place` of `citations`: the first mark of it, or its line below. */
  openerOf(place) {
    const { number } = this.citations[place];
    const nearest = this.querySelectorAll(".nearest-link");
    return nearest[place] ?? this.querySelector(`:is(button.cite, button.source-link)[data-number="${number}"]`);
  }

  get #conversation() {
    return this.closest("docchat-conversation");
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
    const nearest = this.#message.nearest ?? [];
    const mine = [...this.#sources.values(), ...this.#passages.values(), ...nearest].filter((source) => source.document === document && !source.deleted);
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

  /** A question: put a box in its place to ask it in other words. `problem`: why `text` was not taken before. */
  edit(text = this.#text, problem = null) {
    if (this.#conversation.refuses()) return;
    const leave = () => {
      this.#question();
      this.querySelector("[data-edit]")?.focus();
    };
    const send = (question) => (question === this.#text.trim() && !problem ? leave() : this.#conversation.askDifferently(this, question));
    const form = editor({ text, after: this.#following(), problem, send, leave });
    this.replaceChildren(form);
    this.#conversation.hold();
    form.scrollIntoView({ block: "nearest" });
    const box = form.elements.question;
    box.focus();
    box.setSelectionRange(text.length, text.length);
  }

  /** How many messages stand below this one. */
  #following() {
    const items = [...this.closest("ol").children];
    return items.length - 1 - items.indexOf(this.closest("li"));
  }

  #question() {
    const text = h("div", { class: "question" }, h("span", { class: "sr" }, t("You asked: ")), h("span", { dir: "auto" }, this.#text));
    const of = scopeWords(this.#message);
    const edit = iconButton("pen", t("Edit this question"), () => this.edit());
    edit.dataset.edit = "";
    edit.hidden = !this.#message.id;
    this.replaceChildren(h("div", { class: "question-row" }, edit, text), of ? h("p", { class: "soft asked-of" }, t("Asked of {scope}", { scope: of })) : "");
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
    const doubts = running ? [] : (message.doubts ?? []);
    body.className = `answer ${message.mode === "quotes" ? "quotes" : "written"} ${message.refused ? "refused" : ""} ${running && this.#text ? "running" : ""}`;
    if (fresh) forgetMarkdown(body);
    showMarkdown(body, withMarks(this.#text, doubts), (number) => this.#mark(number));
    if (doubts.length) markDoubts(body);
    this.querySelector("[data-looking]").hidden = !running || this.#text !== "";
    this.#drawSources();
    if (fresh) this.#drawEnd(doubts);
  }

  #frameParts() {
    this.replaceChildren(
      h("span", { class: "sr" }, t("Answer: ")),
      h("p", { class: "looking", dataset: { looking: "" } }, t("Looking in your documents…")),
      h("div", { class: "answer" }),
      h("ol", { class: "sources", "aria-label": t("Sources") }),
      h("p", { class: "soft", dataset: { waiting: "" }, hidden: true }),
      h("div", { dataset: { end: "" } }),
    );
  }

  /** The button of a mark [n]; null when it leads nowhere. */
  #mark(number) {
    const found = () => this.#sources.get(number) ?? this.#passages.get(number);
    return found() ? markOf(number, found) : null;
  }

  #drawSources() {
    const list = this.querySelector(".sources");
    const numbers = [...this.#sources.keys()].sort((a, b) => a - b);
    const shown = numbers.map((number) => `${number}${this.#sources.get(number).deleted ? " deleted" : ""}`).join();
    if (list.dataset.numbers === shown) return;
    list.dataset.numbers = shown;
    list.replaceChildren(...numbers.map((number) => h("li", {}, sourceLink(this.#sources.get(number)))));
  }

  /** What comes when the answer has ended. */
  #drawEnd(doubts) {
    const message = this.#message;
    if (message.state === "running") return;
    const end = this.querySelector("[data-end]");
    const nodes = footOf({ session: this.session, message, text: this.#text, citations: [...this.#sources.values()], again: (how) => this.#conversation.again(this, how) });
    if (doubts.length) nodes.unshift(doubtWords(doubts));
    if (message.refused && message.nearest?.length) nodes.unshift(nearestList(message.nearest) ?? "");
    if (message.follow_ups?.length && message.state === "done") nodes.push(followUps(message.follow_ups, () => this.#within()));
    end.replaceChildren(...nodes);
  }

  /** A follow-up is asked of what its question was asked of. */
  #within() {
    const question = this.closest("li")?.previousElementSibling?.firstElementChild?.message;
    return question ? sameAs(question) : {};
  }
}

customElements.define("docchat-message", Message);
