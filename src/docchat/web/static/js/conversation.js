// <docchat-conversation>: the messages of one chat, the answer that is running, and what an empty chat says.

import { confirm } from "./confirm.js";
import { get, post } from "./api.js";
import { drawAbout } from "./about.js";
import { ask, resume } from "./answer.js";
import { emit, on } from "./bus.js";
import { how } from "./choice.js";
import { h } from "./dom.js";
import { homeOf } from "./home.js";
import { n, t, told } from "./i18n.js";
import { tellChanged } from "./identity.js";
import { drawMemoryLine } from "./memory.js";
import "./message.js";
import { welcome } from "./welcome.js";
import { sameAs } from "./scope.js";

/** A message that the server has not seen yet. */
const EMPTY = { id: "", text: "", citations: [], state: "done", mode: null, model: null, refused: false, error: null, run: null };
const SEARCHED = 40;
const NEAR = 80;
/** So many pixels before the first message earlier ones are fetched. */
const ABOVE = 1200;

class Conversation extends HTMLElement {
  #session = null;
  #older = null;
  #running = null;
  #following = true;
  #spoken = 0;
  #meantUntil = 0;
  #memory = null;
  #fetching = null;

  connectedCallback() {
    this.list = this.querySelector("[data-messages]");
    this.live = this.querySelector("[data-live]");
    this.latest = this.home.querySelector("[data-latest]");
    this.#earlierButton.addEventListener("click", () => this.#fetchEarlier());
    // Who reads upwards finds what is above there already.
    const above = { root: this, rootMargin: `${ABOVE}px 0px 0px` };
    this.above = new IntersectionObserver((seen) => !this.#following && seen.at(-1).isIntersecting && this.#fetchEarlier(), above);
    this.above.observe(this.#earlierButton);
    this.latest.addEventListener("click", () => this.#toEnd());
    this.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    for (const kind of ["wheel", "touchmove", "keydown"]) this.addEventListener(kind, () => this.#moved(), { passive: true });
    this.addEventListener("pointerdown", (event) => event.target === this && this.#moved(60_000));
    const sizes = new ResizeObserver(() => this.#following && this.#toEnd());
    sizes.observe(this.list);
    sizes.observe(this);
    on("source-deleted", ({ document }) => this.list.querySelectorAll("docchat-message").forEach((view) => view.forget(document)));
  }

  get #earlierButton() {
    return this.querySelector("[data-earlier]");
  }

  /** Whose conversation this is: the page's, or that of a small chat beside a document. */
  get home() {
    return homeOf(this);
  }

  get busy() {
    return this.#running !== null;
  }

  /** Show a chat: its newest messages, and the answer that still runs. */
  show(session, messages, older) {
    this.#leave();
    this.#session = session;
    this.#older = older;
    this.#earlierButton.hidden = !older;
    this.list.replaceChildren(...messages.map((message) => this.#view(message)));
    this.remember(session.memory_from);
    drawAbout(this, this.home.bound ? null : session.about);
    this.#welcome(messages.length ? null : (this.home.greeting ?? { kind: "new" }));
    this.#toEnd();
    const last = messages.at(-1);
    if (last?.state === "running" && last.run) this.#resume(this.#message(last.id), last);
  }

  /** Draw the line above the first message that the model knows of; null: it knows all of them. */
  remember(from) {
    this.#memory = from ?? null;
    drawMemoryLine(this.list, this.#memory, Boolean(this.#older));
  }

  /** Nothing but words: a new chat, one that is gone, or one that could not be loaded. */
  empty(about) {
    this.#leave();
    this.#session = null;
    drawAbout(this, null);
    this.list.replaceChildren();
    this.#earlierButton.hidden = true;
    this.#welcome(about);
  }

  /** Bring a message into sight, fetching earlier ones as needed. */
  async find(id) {
    for (let tries = 0; tries < SEARCHED && !this.#message(id) && this.#older; tries += 1) await this.#earlier();
    const found = this.#message(id);
    if (!found) return;
    this.#following = false;
    found.scrollIntoView({ block: "center" });
    found.classList.add("found");
    setTimeout(() => found.classList.remove("found"), 2500);
  }

  /** The id of the last message here; 0 when there is none. */
  get last() {
    return Math.max(0, ...[...this.list.querySelectorAll("[data-message]")].map((view) => Number(view.dataset.message)));
  }

  /**
   * Ask; resolves when the server has taken the question, rejects (and shows nothing of it) when it has not,
   * with an AbortError when the chat was left before that was known.
   */
  ask(session, question, how, within = {}) {
    this.#session = session;
    return this.#start("ask", { question, ...how, ...within }, []);
  }

  /** Send what makes an answer; `old` are the items that it replaces, back again when the server does not take it. */
  #start(path, body, old) {
    this.#leave();
    this.#welcome(null);
    const asked = body.question === undefined ? null : this.#view({ ...EMPTY, role: "user", text: body.question });
    const answer = this.#view({ ...EMPTY, role: "assistant", state: "running", mode: body.mode ?? null });
    for (const item of old) item.remove();
    this.list.append(...[asked, answer].filter(Boolean));
    this.#meantUntil = 0;
    this.#toEnd();
    const run = this.#begin(answer.firstElementChild);
    const events = ask(this.#session.id, path, body, run);
    return new Promise((accept, reject) => {
      run.accept = (message) => {
        run.accept = run.refuse = null;
        if (message && asked) asked.firstElementChild.show(message);
        accept();
      };
      run.refuse = (error) => {
        run.accept = run.refuse = null;
        asked?.remove();
        answer.remove();
        this.list.append(...old);
        reject(error);
      };
      this.#listen(events, run);
    });
  }

  /** Stay where the reader is, also when something below grows. */
  hold() {
    this.#following = false;
  }

  /** Ask the running answer to stop; what is there stays. */
  async stop() {
    const run = this.#running;
    if (run) run.unwanted = true;
    // Before its first event the answer has no name yet; it is stopped as soon as it has.
    if (!run?.id) return;
    try {
      await post(`sessions/${this.#session.id}/runs/${run.id}/stop`);
    } catch (error) {
      if (error.status !== 404) emit("notice", { text: t("{reason} The answer could not be stopped.", { reason: error.message }) });
    }
  }

  #view(message) {
    const view = document.createElement("docchat-message");
    view.session = this.#session.id;
    view.show({ ...message, created_at: message.created_at ?? new Date().toISOString() });
    return h("li", {}, view);
  }

  #message(id) {
    return this.list.querySelector(`[data-message="${CSS.escape(String(id))}"]`);
  }

  #welcome(about) {
    const place = this.querySelector("[data-welcome]");
    place.hidden = !about;
    place.replaceChildren(...(about ? welcome(about) : []));
  }

  async #fetchEarlier() {
    try {
      await this.#earlier();
      // Looked at anew: what came may be short.
      this.above.unobserve(this.#earlierButton);
      this.above.observe(this.#earlierButton);
    } catch (error) {
      emit("notice", { text: error.message });
    }
  }

  /** Put the page of messages before the first one in its place; for all who ask at the same time once. */
  #earlier() {
    this.#following = false;
    this.#fetching ??= this.#fetched().finally(() => (this.#fetching = null));
    return this.#fetching;
  }

  async #fetched() {
    const session = this.#session;
    const older = this.#older;
    const page = await get(`sessions/${session.id}/messages?cursor=${encodeURIComponent(older)}`);
    if (session !== this.#session || older !== this.#older) return;
    const height = this.scrollHeight - this.scrollTop;
    this.#older = page.older;
    this.#earlierButton.hidden = !page.older;
    this.list.prepend(...page.messages.map((message) => this.#view(message)));
    this.remember(this.#memory);
    // Who has asked something meanwhile is at the end.
    if (this.#following) this.#toEnd();
    else this.scrollTop = this.scrollHeight - height;
  }

  // the running answer

  #begin(view) {
    const abort = new AbortController();
    const run = { view, abort, signal: abort.signal, id: null, session: this.#session.id };
    run.onWaiting = (waiting) => view.waiting(waiting ? t("The connection is lost. The answer goes on at the server; trying to get back to it…") : null);
    this.#running = run;
    this.#spoken = 0;
    emit("busy", { busy: true, home: this.home });
    return run;
  }

  #resume(view, message) {
    const run = this.#begin(view);
    run.id = message.run;
    this.#listen(resume(this.#session.id, message.run, run), run);
  }

  async #listen(events, run) {
    try {
      for await (const event of events) this.#heard(event, run);
    } catch (error) {
      if (!run.signal.aborted) this.#broken(error, run);
    } finally {
      if (this.#running === run) this.#end();
      run.refuse?.(new DOMException("The chat was left.", "AbortError"));
    }
  }

  #heard({ kind, data }, run) {
    const { view } = run;
    // Any event means that the server has the question; one that ends the answer at once leaves the rest to the chat.
    const early = Boolean(run.accept) && kind !== "passages";
    run.accept?.(data.question);
    if (early && kind !== "cleared") return emit("open-chat", { id: run.session, home: this.home });
    if (kind === "passages") {
      run.id = data.run;
      view.show({ ...(data.answer ?? view.message), text: "", citations: [], state: "running", mode: data.mode });
      view.begin(data.passages);
      emit("chats-stale");
      if (run.unwanted) this.stop();
    } else if (kind === "text") {
      // The chat has got its title from its first question by now; the answer may take long.
      if (!view.text && !this.#session.title) emit("chats-stale");
      view.append(data.text);
      this.#speak(view.text, false);
    } else if (kind === "citation") {
      view.cite(data);
    } else if (kind === "done") {
      view.show(data.message);
      this.#speak(view.text, true);
      emit("chats-stale");
    } else if (kind === "error") {
      view.fail(told(data.error));
      emit("chats-stale");
    } else if (kind === "cleared") {
      emit("cut", { id: run.session, successor: data.successor });
    }
  }

  #broken(error, run) {
    if (run.refuse) return run.refuse(error);
    if (error.code === "cleared") return emit("cut", { id: run.session, successor: error.successor });
    // The run is no longer there to be followed: what it left is in the chat.
    if (error.status === 404) return emit("open-chat", { id: run.session, home: this.home });
    const words = error.status === 401 ? t("Your sign-in has ended. The answer goes on at the server; sign in to see it.") : error.message;
    run.view.waiting(words);
  }

  #end() {
    this.#running = null;
    emit("busy", { busy: false, home: this.home });
  }

  /** Stop listening; the answer itself goes on at the server. */
  #leave() {
    this.#running?.abort.abort();
    if (this.#running) this.#end();
    this.live.replaceChildren();
  }

  /** Whether nothing may be replaced now, and says so: one answer is made at a time. */
  refuses() {
    if (this.busy) emit("notice", { text: t("An answer is being made. Stop it first, or wait for its end.") });
    return this.busy;
  }

  /** Have an answer made anew, perhaps in another way. What follows it goes with it, so that is asked about. */
  async again(view, how) {
    if (this.refuses()) return;
    const old = this.#from(view);
    if (old.length > 1 && !(await sure(old.length - 1))) return;
    try {
      await this.#replace(`messages/${view.message.id}/regenerate`, { ...how }, old);
    } catch (error) {
      if (error.name !== "AbortError") emit("notice", { text: t("{reason} The answer stays as it was.", { reason: error.message }) });
    }
  }

  /** Ask a question in other words, in its place. */
  async askDifferently(view, question) {
    const { message } = view;
    try {
      await this.#replace(`messages/${message.id}/edit`, { question, ...how(), ...sameAs(message) }, this.#from(view));
    } catch (error) {
      if (error.name !== "AbortError") view.edit(question, t("{reason} Nothing was replaced.", { reason: error.message }));
    }
  }

  /** The item of a message and all below it. */
  #from(view) {
    const items = [...this.list.children];
    return items.slice(items.indexOf(view.closest("li")));
  }

  async #replace(path, body, old) {
    const session = this.#session;
    const count = Math.max(0, session.message_count - old.length) + (body.question === undefined ? 1 : 2);
    await this.#start(path, body, old);
    if (session === this.#session) emit("replaced", { id: session.id, count });
    tellChanged(session.id);
  }

  /** Whole sentences for readers of the screen, as they come. */
  #speak(text, end) {
    const rest = text.slice(this.#spoken);
    const length = end ? rest.length : (/^[\s\S]*[.!?”\n](?=\s|$)/.exec(rest)?.[0].length ?? 0);
    if (!length) return;
    this.live.append(h("p", {}, rest.slice(0, length)));
    this.#spoken += length;
  }

  // scrolling: stay at the end unless the reader went up

  get #gap() {
    return this.scrollHeight - this.scrollTop - this.clientHeight;
  }

  #toEnd() {
    this.#following = true;
    this.scrollTop = this.scrollHeight;
    this.latest.hidden = true;
  }

  /** A hand is at the wheel: what scrolls within the next moment is meant. */
  #moved(milliseconds = 500) {
    this.#meantUntil = performance.now() + milliseconds;
  }

  #scrolled() {
    const away = this.#gap > NEAR;
    if (!away) this.#following = true;
    else if (performance.now() < this.#meantUntil) this.#following = false;
    this.latest.hidden = !away || this.#following;
  }
}

/** Whether to replace an answer with `more` messages below it. */
async function sure(more) {
  const below = n(more, "The answer is made anew. {count} message below it goes with it, for good.", "The answer is made anew. {count} messages below it go with it, for good.");
  return Boolean(await confirm({ title: t("Answer again?"), text: [h("p", {}, below)], action: t("Answer again"), run: async () => true, explain: (error) => error.message }));
}

customElements.define("docchat-conversation", Conversation);
