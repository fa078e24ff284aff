// <docchat-composer>: the box for questions. What is typed lives in memory only, one draft a chat.

import { emit, on } from "./bus.js";
import { chooseHow, how, models } from "./choice.js";
import { context } from "./context.js";
import { h, points } from "./dom.js";
import { homeOf, isOf } from "./home.js";
import { chosen } from "./scope.js";
import "./within.js";

const WARN = 0.9;
const NO_MODEL = new Set(["daily_limit", "model_unavailable", "no_model", "unknown_model"]);

class Composer extends HTMLElement {
  #drafts = new Map();
  #key = "";
  #busy = false;
  #sending = false;

  connectedCallback() {
    this.form = this.querySelector("[data-form]");
    this.box = this.form.elements.question;
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#send();
    });
    this.box.addEventListener("keydown", (event) => this.#typed(event));
    this.box.addEventListener("input", () => this.#look());
    this.querySelector("[data-stop]").addEventListener("click", () => this.#stop());
    document.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && this.#busy && !event.defaultPrevented && !document.querySelector("dialog[open]")) this.#stop();
    });
    on("chat", ({ session, home }) => isOf(this, home) && this.#switch(session?.id ?? ""));
    on("section-chat", ({ session, home }) => isOf(this, home) && this.#switch(session.id));
    on("draft-drop", ({ id }) => this.#forget(id));
    on("busy", ({ busy, home }) => isOf(this, home) && this.#setBusy(busy));
    on("arrived", ({ question, home }) => isOf(this, home) && this.#arrived(question));
    on("ask", ({ question, within, home }) => isOf(this, home) && !this.#busy && !this.#sending && this.#ask(question, how(), within));
    on("signed-in", () => this.#problem(null));
    this.#offerModels();
    this.#look();
  }

  /** What takes the questions: the page's chat, or a small one beside a document, which is asked as it is. */
  get #home() {
    return homeOf(this);
  }

  get #chosen() {
    return this.#home.bound ? {} : chosen();
  }

  /** With several models the choice names each of them. */
  async #offerModels() {
    const select = this.querySelector("[data-mode]");
    if (!select) return;
    select.addEventListener("change", () => {
      chooseHow(select.value);
      this.#hint(select);
    });
    const found = await models();
    if (found.length < 2) return;
    const options = found.map(({ id, label }) => h("option", { value: `model:${id}` }, `Written by ${label}`));
    const at = how().model ? `model:${how().model}` : how().mode === "quotes" ? "quotes" : options[0].value;
    select.replaceChildren(...options, h("option", { value: "quotes" }, "Quotes only"));
    select.value = at;
  }

  /** What the next answer is made of, below the box. */
  #hint(select) {
    const by = select.selectedOptions[0].textContent.replace(/^Written/, "written");
    const words = select.value === "quotes" ? "The answer is quoted from your documents; nothing in it is written by a model." : `The answer is ${by} from your documents. Check the numbered sources.`;
    this.querySelector(".hint").textContent = words;
  }

  #typed(event) {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    this.#send();
  }

  async #send() {
    const question = this.box.value.trim();
    if (!question || this.#busy || this.#sending || points(question) > context().questionChars) return;
    this.#put("");
    await this.#ask(question, how());
  }

  async #ask(question, how, within = this.#chosen) {
    this.#problem(null);
    this.#sending = true;
    try {
      await this.#home.ask(question, how, within);
    } catch (error) {
      // Whoever left the chat finds the question there: the server has it.
      if (error.name !== "AbortError") this.#notTaken(question, error);
    } finally {
      this.#sending = false;
      this.#look();
    }
  }

  /** What the server did not take comes back into the box of its chat, unless something new was typed there meanwhile. */
  #notTaken(question, error) {
    const key = error.chat ?? this.#key;
    if (key !== this.#key) {
      if (!this.#drafts.get(key)) this.#drafts.set(key, question);
      return;
    }
    if (!this.box.value) this.#put(question);
    this.#problem(error);
    if (error.status === 404) emit("scope-doubt");
  }

  /** A question that came back into the box had been taken after all. */
  #arrived(question) {
    if (this.box.value.trim() !== question) return;
    this.#put("");
    this.#problem(null);
  }

  #stop() {
    this.#home.querySelector("docchat-conversation").stop();
  }

  #put(text) {
    this.box.value = text;
    this.#look();
  }

  #look() {
    if (!CSS.supports("field-sizing", "content")) this.box.rows = Math.min(12, this.box.value.split("\n").length);
    const limit = context().questionChars;
    const length = points(this.box.value);
    const count = this.querySelector("[data-count]");
    count.textContent = length > WARN * limit ? `${length.toLocaleString("en")} of ${limit.toLocaleString("en")} characters` : "";
    count.classList.toggle("over", length > limit);
    this.querySelector("[data-send]").disabled = this.#sending || !this.box.value.trim() || length > limit;
  }

  #setBusy(busy) {
    const stop = this.querySelector("[data-stop]");
    const refocus = this.#busy && !busy && document.activeElement === stop;
    this.#busy = busy;
    stop.hidden = !busy;
    this.querySelector("[data-send]").hidden = busy;
    if (refocus) this.box.focus();
  }

  #switch(key) {
    if (key === this.#key) return;
    // What was typed before there was a chat goes along into it; when the chat is gone, it stays in the box.
    if ((this.#key && key) || this.#drafts.has(key)) {
      this.#drafts.set(this.#key, this.box.value);
      this.#put(this.#drafts.get(key) ?? "");
    }
    this.#key = key;
    this.#problem(null);
    if (matchMedia("(hover: hover)").matches) this.box.focus({ preventScroll: true });
  }

  #forget(id) {
    this.#drafts.delete(id);
    if (id === this.#key) this.#put("");
  }

  /** What to do when a limit is reached or no model answers: when to try again, and quotes at once. */
  #waysOut(error) {
    const nodes = [];
    if (error.status === 429 && error.after) nodes.push(`${again(error.after)} `);
    if (NO_MODEL.has(error.code) && this.box.value.trim()) {
      const quote = () => {
        const question = this.box.value.trim();
        this.#put("");
        this.#ask(question, { mode: "quotes" });
      };
      nodes.push(h("button", { type: "button", class: "button small", onclick: quote }, "Quote my documents instead"));
    }
    return nodes;
  }

  #problem(error) {
    const line = this.querySelector("[data-problem]");
    line.hidden = !error;
    if (!error) return line.replaceChildren();
    const narrowed = Object.keys(this.#chosen).length > 0;
    if (error.status === 404 && narrowed) return line.replaceChildren("Something that you chose to ask is no longer there. Your question was not sent; it is still below.");
    const sent = error.unsure ? "Your question may not have been sent; it is still below. Send looks for it in the chat first." : "Your question was not sent; it is still below.";
    if (error.status !== 401) return line.replaceChildren(`${error.message} ${sent} `, ...this.#waysOut(error));
    const link = h("a", { href: context().login, target: "_blank", rel: "opener" }, "Sign in in a new tab");
    line.replaceChildren("Your sign-in has ended. Your question is still below. ", link, ", then send it again.");
  }
}

/** "You can ask again at 14:05." */
function again(seconds) {
  const date = new Date(Date.now() + seconds * 1000);
  const today = date.toDateString() === new Date().toDateString();
  const time = date.toLocaleString("en-GB", today ? { timeStyle: "short" } : { weekday: "long", hour: "2-digit", minute: "2-digit" });
  return `You can ask again ${today ? "at" : "on"} ${time}.`;
}

customElements.define("docchat-composer", Composer);
