// <docchat-composer>: the box for questions, which keeps one draft a chat.

import { offer } from "./actions.js";
import { emit, on } from "./bus.js";
import { chooseHow, how, models } from "./choice.js";
import { context } from "./context.js";
import { h, points } from "./dom.js";
import { Drafts, PAUSE } from "./drafts.js";
import { homeOf, isOf } from "./home.js";
import { locale, t } from "./i18n.js";
import { chosen } from "./scope.js";
import "./within.js";

const WARN = 0.9;
const NO_MODEL = new Set(["daily_limit", "model_unavailable", "no_model", "unknown_model"]);

class Composer extends HTMLElement {
  #drafts = new Drafts();
  #key = "";
  #busy = false;
  #sending = false;
  #beginning = 0;

  connectedCallback() {
    this.form = this.querySelector("[data-form]");
    this.box = this.form.elements.question;
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#send();
    });
    this.box.addEventListener("keydown", (event) => this.#typed(event));
    this.box.addEventListener("input", () => {
      this.#drafts.set(this.#key, this.box.value);
      this.#begin();
      this.#look();
    });
    this.querySelector("[data-stop]").addEventListener("click", () => this.#stop());
    document.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && this.#busy && !event.defaultPrevented && !document.querySelector("dialog[open]")) this.#stop();
    });
    on("chat", ({ session, home }) => isOf(this, home) && this.#switch(session?.id ?? ""));
    on("section-chat", ({ session, home }) => {
      if (!isOf(this, home)) return;
      if (session.draft !== undefined && !this.#drafts.has(session.id)) this.#drafts.learn(session.id, session.draft);
      this.#switch(session.id);
    });
    on("draft", ({ id, text }) => this.#drafts.learn(id, text) && id === this.#key && !this.#sending && this.#put(text));
    on("draft-drop", ({ id }) => this.#forget(id));
    on("gone", ({ id }) => this.#forget(id));
    on("busy", ({ busy, home }) => isOf(this, home) && this.#setBusy(busy));
    on("arrived", ({ question, home }) => isOf(this, home) && this.#arrived(question));
    on("ask", ({ question, within, home }) => isOf(this, home) && !this.#busy && !this.#sending && this.#ask(question, how(), within));
    on("signed-in", () => this.#problem(null));
    this.#offerModels();
    this.#offerActions();
    this.#look();
  }

  #offerActions() {
    if (this.#home.bound) return;
    offer({ id: "chat.ask", name: () => t("Write a question"), keys: "Alt+Q", run: () => this.box.focus() });
    offer({ id: "chat.send", name: () => t("Send the question"), keys: "Enter" });
    offer({ id: "chat.line", name: () => t("Begin a new line"), keys: "Shift+Enter" });
    offer({ id: "chat.stop", name: () => t("Stop the answer"), keys: "Escape" });
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
    const options = found.map(({ id, label }) => h("option", { value: `model:${id}`, dataset: { label } }, t("Written by {model}", { model: label })));
    const at = how().model ? `model:${how().model}` : how().mode === "quotes" ? "quotes" : options[0].value;
    select.replaceChildren(...options, h("option", { value: "quotes" }, t("Quotes only")));
    select.value = at;
  }

  /** What the next answer is made of, below the box. */
  #hint(select) {
    const quoted = t("The answer is quoted from your documents; nothing in it is written by a model.");
    const model = select.selectedOptions[0].dataset.label || context().model || t("the connected model");
    const written = t("Answers are written by {model} from your documents. Check the numbered sources.", { model });
    this.querySelector(".hint").textContent = select.value === "quotes" ? quoted : written;
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
    this.#keep();
    await this.#ask(question, how());
  }

  /** What is begun where there is no chat yet makes one, in which the server keeps it. */
  #begin() {
    clearTimeout(this.#beginning);
    if (this.#key || this.#home.bound) return;
    this.#beginning = setTimeout(() => {
      if (!this.#key && !this.#sending && this.box.value.trim()) this.#home.chat().catch(() => {}); // the next key tries again
    }, PAUSE);
  }

  /** What stands in the box is the draft of its chat. */
  #keep() {
    if (this.box.value !== this.#drafts.get(this.#key)) this.#drafts.set(this.#key, this.box.value);
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
    this.#keep();
    this.#problem(error);
    if (error.status === 404) emit("scope-doubt");
  }

  /** A question that came back into the box had been taken after all. */
  #arrived(question) {
    if (this.box.value.trim() !== question) return;
    this.#put("");
    this.#keep();
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
    const told = { length: length.toLocaleString(locale()), limit: limit.toLocaleString(locale()) };
    count.textContent = length > WARN * limit ? t("{length} of {limit} characters", told) : "";
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
      this.#keep();
      this.#put(this.#drafts.get(key));
    } else if (this.box.value) this.#drafts.set(key, this.box.value);
    this.#key = key;
    this.#problem(null);
    if (matchMedia("(hover: hover)").matches) this.box.focus({ preventScroll: true });
  }

  #forget(id) {
    this.#drafts.forget(id);
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
        this.#keep();
        this.#ask(question, { mode: "quotes" });
      };
      nodes.push(h("button", { type: "button", class: "button small", onclick: quote }, t("Quote my documents instead")));
    }
    return nodes;
  }

  #problem(error) {
    const line = this.querySelector("[data-problem]");
    line.hidden = !error;
    if (!error) return line.replaceChildren();
    const narrowed = Object.keys(this.#chosen).length > 0;
    if (error.status === 404 && narrowed) return line.replaceChildren(t("Something that you chose to ask is no longer there. Your question was not sent; it is still below."));
    const sent = error.unsure ? t("Your question may not have been sent; it is still below. Send looks for it in the chat first.") : t("Your question was not sent; it is still below.");
    if (error.status !== 401) return line.replaceChildren(`${error.message} ${sent} `, ...this.#waysOut(error));
    const link = h("a", { href: context().login, target: "_blank", rel: "opener" }, t("Sign in in a new tab"));
    line.replaceChildren(t("Your sign-in has ended. Your question is still below; send it again when you are back."), " ", link);
  }
}

/** "You can ask again at 14:05." */
function again(seconds) {
  const date = new Date(Date.now() + seconds * 1000);
  const today = date.toDateString() === new Date().toDateString();
  const time = date.toLocaleString(locale(), today ? { timeStyle: "short" } : { weekday: "long", hour: "2-digit", minute: "2-digit" });
  return today ? t("You can ask again at {time}.", { time }) : t("You can ask again on {time}.", { time });
}

customElements.define("docchat-composer", Composer);
