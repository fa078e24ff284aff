// From one citation of an answer to the next, in the source pane; and how large its page is drawn.

import { h, iconButton } from "./dom.js";
import { locale, t } from "./i18n.js";

/** How wide a page is drawn: as wide as the pane, and wider. */
export const ZOOMS = [1, 1.5, 2, 3];

/** "‹ Citation 2 of 5 ›"; `go(citation, opener)` shows another. */
export class CitationSteps {
  #message = null;
  #at = -1;

  constructor(go) {
    this.go = go;
    this.previous = iconButton("left", t("Previous citation"), () => this.step(-1));
    this.next = iconButton("right", t("Next citation"), () => this.step(1));
    this.where = h("span", { class: "source-where", "aria-live": "polite" });
    this.node = h("span", { class: "source-step", role: "group", "aria-label": t("Citations of this answer"), hidden: true }, this.previous, this.where, this.next);
  }

  /** A citation is shown that `opener` led to. */
  show(citation, opener) {
    const message = opener?.closest("docchat-message") ?? null;
    const all = message?.citations ?? [];
    this.#message = message;
    this.#at = all.findIndex((one) => one === citation || same(one, citation));
    this.node.hidden = this.#at < 0 || all.length < 2;
    if (this.node.hidden) return;
    const number = (value) => value.toLocaleString(locale());
    this.where.textContent = t("Citation {number} of {count}", { number: number(this.#at + 1), count: number(all.length) });
    this.previous.disabled = this.#at === 0;
    this.next.disabled = this.#at === all.length - 1;
  }

  hide() {
    this.#message = null;
    this.#at = -1;
    this.node.hidden = true;
  }

  can(by) {
    return !this.node.hidden && Boolean(this.#message?.isConnected && this.#message.citations[this.#at + by]);
  }

  step(by) {
    if (!this.can(by)) return;
    const held = document.activeElement;
    const citation = this.#message.citations[this.#at + by];
    this.go(citation, this.#message.openerOf(this.#at + by));
    // A button that was pressed to the end passes the focus to the other one.
    const [mine, other] = by < 0 ? [this.previous, this.next] : [this.next, this.previous];
    if (held === mine) (mine.disabled ? other : mine).focus();
  }
}

function same(one, other) {
  return one.number === other.number && one.document === other.document && one.page === other.page && one.start === other.start;
}

/** "− 100 % +"; `draw()` is called when it changes. */
export class Zoom {
  #level = 0;

  constructor(draw) {
    this.draw = draw;
    this.smaller = iconButton("minus", t("Smaller"), () => this.step(-1));
    this.larger = iconButton("plus", t("Larger"), () => this.step(1));
    this.smaller.dataset.smaller = this.larger.dataset.larger = "";
    this.how = h("span", { class: "source-where", "aria-live": "polite" });
    this.node = h("span", { class: "source-step", role: "group", "aria-label": t("Size of the page"), hidden: true }, this.smaller, this.how, this.larger);
    this.#look();
  }

  get factor() {
    return ZOOMS[this.#level];
  }

  can(by) {
    return !this.node.hidden && ZOOMS[this.#level + by] !== undefined;
  }

  step(by) {
    if (!this.can(by)) return;
    this.#level += by;
    this.#look();
    if (document.activeElement === document.body) (this.larger.disabled ? this.smaller : this.larger).focus();
    this.draw();
  }

  #look() {
    this.how.textContent = this.factor.toLocaleString(locale(), { style: "percent" });
    const [focused, lowest, highest] = [document.activeElement, this.#level === 0, this.#level === ZOOMS.length - 1];
    this.smaller.disabled = lowest;
    this.larger.disabled = highest;
    if (lowest && focused === this.smaller) this.larger.focus();
    if (highest && focused === this.larger) this.smaller.focus();
  }
}
