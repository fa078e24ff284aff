// <docchat-offline>: the line that says the network or the server is away, or slow. It stays as long as that is so,
// asks by itself whether it is over, and never hides what the page shows.

import { get } from "./api.js";
import { emit, on } from "./bus.js";
import { t } from "./i18n.js";

/** Longer than this without an answer is told. */
const SLOW = 3000;
/** Pauses between two looks at a server that is away. */
const PAUSES = [2000, 4000, 8000, 15_000, 30_000];

class Offline extends HTMLElement {
  #waiting = new Map();
  #away = false;
  /** The browser was offline: what changed meanwhile is looked for though no call failed. */
  #missed = false;
  #tries = 0;
  #timer = 0;

  connectedCallback() {
    this.words = this.querySelector("[data-words]");
    this.again = this.querySelector("[data-again]");
    this.again.addEventListener("click", () => this.#look());
    on("call-began", ({ call }) => this.#began(call));
    on("call-ended", ({ call, reached }) => this.#ended(call, reached));
    addEventListener("offline", () => {
      this.#missed = true;
      this.#draw();
    });
    addEventListener("online", () => this.#look());
    this.#draw();
  }

  #began(call) {
    this.#waiting.set(call, { late: false, timer: setTimeout(() => this.#late(call), SLOW) });
  }

  #late(call) {
    this.#waiting.get(call).late = true;
    this.#draw();
  }

  /** `reached`: whether there was an answer; null when nobody waited for one any more. */
  #ended(call, reached) {
    clearTimeout(this.#waiting.get(call)?.timer);
    this.#waiting.delete(call);
    if (reached) this.#back();
    else if (reached === false) this.#lost();
    this.#draw();
  }

  #lost() {
    this.#away = true;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#look(), PAUSES[Math.min(this.#tries, PAUSES.length - 1)]);
    this.#tries += 1;
  }

  #back() {
    const was = this.#away || this.#missed;
    this.#away = false;
    this.#missed = false;
    this.#tries = 0;
    clearTimeout(this.#timer);
    if (was) emit("reached");
  }

  /** Ask whether the server is there; its answer or silence comes back as `call-ended`. */
  #look() {
    clearTimeout(this.#timer);
    if (navigator.onLine) get("status").catch(() => {});
    this.#draw();
  }

  #draw() {
    const late = [...this.#waiting.values()].some((call) => call.late);
    const kind = !navigator.onLine ? "offline" : this.#away ? "away" : late ? "slow" : "";
    this.hidden = !kind;
    this.again.hidden = kind !== "away";
    if (kind === this.dataset.kind) return;
    this.dataset.kind = kind;
    this.words.textContent = this.#say(kind);
  }

  #say(kind) {
    if (kind === "offline") return t("You are offline. What is shown stays, and docchat goes on when the network is back.");
    if (kind === "away") return t("The server cannot be reached. What is shown stays, and docchat keeps trying.");
    return kind === "slow" ? t("The server is slow to answer. Still waiting …") : "";
  }
}

customElements.define("docchat-offline", Offline);
