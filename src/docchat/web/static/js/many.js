// <docchat-many>: clear many chats: choose which, see how many that is, be asked, watch it happen, get the receipt.

import { get, post } from "./api.js";
import { emit, on } from "./bus.js";
import { titleOf } from "./chat-row.js";
import { countMany, explain, goesAndStays, howLong, outOfReach } from "./clear.js";
import { confirm } from "./confirm.js";
import { h, when } from "./dom.js";
import { n, t } from "./i18n.js";
import { tellChanged } from "./identity.js";
import { readReceipt, showReceipt } from "./receipt.js";

const PAUSE = 200;
const LOOK = 400;
/** How often in a row the receipt of a running clear may be out of reach: about 15 seconds. */
const MOST_FAILURES = 15;
const stays = () => t("Nothing was taken off your list, because the clear was not confirmed.");
const goesOn = () => t("The clear goes on at the server; only its progress cannot be seen from here.");

class Many extends HTMLElement {
  #next = null;
  #away = false;
  #ticket = 0;
  #timer = 0;
  #count = null;
  #asking = false;

  connectedCallback() {
    this.form = this.querySelector("form");
    this.picks = this.#part("picks");
    on("clear-many", () => this.open());
    on("gone", ({ id }) => this.#box(id)?.closest("label").remove());
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#ask();
    });
    this.form.addEventListener("input", (event) => this.#changed(event));
    this.#part("cancel").addEventListener("click", () => this.#dialog.close());
    // Titles of chats do not outlive them in a dialogue that nobody sees.
    this.#dialog.addEventListener("close", () => this.#asking || this.picks.replaceChildren());
    this.#dialog.addEventListener("click", (event) => event.target === this.#dialog && this.#dialog.close());
  }

  get #dialog() {
    return this.querySelector("dialog");
  }

  #part(name) {
    return this.querySelector(`[data-${name}]`);
  }

  #box(id) {
    return this.picks.querySelector(`input[value="${CSS.escape(id)}"]`);
  }

  async open() {
    this.form.reset();
    this.picks.replaceChildren();
    this.#next = null;
    this.#away = false;
    this.#dialog.showModal();
    this.form.querySelector("[name=which]:checked").focus();
    this.#look();
    await this.#more();
  }

  /** One page of chats to choose from. */
  async #more() {
    try {
      const page = await get(`sessions?limit=100${this.#away ? "&archived=1" : ""}${this.#next ? `&cursor=${encodeURIComponent(this.#next)}` : ""}`);
      if (!this.#dialog.open) return;
      this.#next = page.next;
      this.picks.querySelector("[data-older]")?.remove();
      const worth = page.sessions.filter((session) => session.message_count > 0 || session.title || session.drafted);
      this.picks.append(...worth.map((session) => this.#pick(session)));
      if (page.next) this.picks.append(h("button", { type: "button", class: "quiet", dataset: { older: "" }, onclick: () => this.#more() }, t("Show older chats")));
      else if (!this.#away) {
        // Those that are put away come last.
        this.#away = true;
        await this.#more();
      } else if (!this.picks.children.length) this.picks.append(h("p", { class: "soft" }, t("There is no chat with anything in it.")));
    } catch (error) {
      this.#problem(error.message);
    }
  }

  #pick(session) {
    const box = h("input", { type: "checkbox", name: "id", value: session.id });
    const title = h("span", { class: "pick-title", dir: "auto" }, titleOf(session));
    return h("label", { class: "pick" }, box, title, h("span", { class: "soft" }, [messages(session.message_count), when(session.updated_at), session.archived && t("Archived")].filter(Boolean).join(" · ")));
  }

  /** What the form means, as the body of a request; null while it means nothing. */
  get #scope() {
    const { which, days } = this.form.elements;
    if (which.value === "all") return { all: true };
    if (which.value === "age") return days.validity.valid && days.value ? { older_than_days: Number(days.value) } : null;
    const ids = [...this.picks.querySelectorAll("input:checked")].map((box) => box.value);
    return ids.length ? { ids } : null;
  }

  #changed(event) {
    // Who ticks a box or types a number means it.
    if (event.target.name === "id") this.form.elements.which.value = "ids";
    if (event.target.name === "days") this.form.elements.which.value = "age";
    this.#look();
  }

  /** Count what the choice would take, a moment after it was last changed. */
  #look() {
    const ticket = ++this.#ticket;
    clearTimeout(this.#timer);
    this.#problem(null);
    this.#counted(null);
    const scope = this.#scope;
    this.picks.classList.toggle("unused", this.form.elements.which.value !== "ids");
    this.#part("count").textContent = scope ? t("Counting…") : t("Nothing is chosen yet.");
    if (!scope) return;
    this.#timer = setTimeout(async () => {
      try {
        const count = await countMany(scope);
        if (ticket === this.#ticket) this.#counted(count);
      } catch (error) {
        if (ticket !== this.#ticket) return;
        this.#part("count").textContent = "";
        this.#problem(error.message);
      }
    }, PAUSE);
  }

  #counted(count) {
    this.#count = count;
    this.#part("go").disabled = !count?.sessions;
    if (count) this.#part("count").textContent = count.sessions ? t("{what} would be cleared.", { what: words(count) }) : t("No chat is among these.");
  }

  #problem(text) {
    this.#part("problem").hidden = !text;
    this.#part("problem").textContent = text ?? "";
  }

  async #ask() {
    const scope = this.#scope;
    const count = this.#count;
    if (!scope || !count?.sessions) return;
    this.#asking = true;
    this.#dialog.close();
    const run = new Run(scope, count);
    const receipt = await confirm({
      title: n(count.sessions, "Clear {count} chat?", "Clear {count} chats?"),
      text: [goesAndStays(t("{what}, with titles and citations: {when}", { what: words(count), when: howLong() }), t("Every document in your library.")), outOfReach()],
      action: n(count.sessions, "Clear {count} chat", "Clear {count} chats"),
      run: (say) => run.clear(say),
      explain: (error) => explain(error, run.receipt ? goesOn() : stays()),
    });
    this.#asking = false;
    if (run.receipt) this.#cleared(run.receipt.id);
    else if (!receipt) this.#again();
  }

  /** The person thought better of it: the choice is still there. */
  #again() {
    this.#dialog.showModal();
    this.#look();
  }

  #cleared(id) {
    this.picks.replaceChildren();
    tellChanged(null);
    emit("many-cleared", { receipt: id });
    emit("emptied");
    emit("chats-stale");
    showReceipt(id);
  }
}

/** One clear of many chats: asked for once, then followed until it is over. */
class Run {
  receipt = null;

  constructor(scope, count) {
    this.scope = scope;
    this.count = count;
  }

  async clear(say) {
    if (!this.receipt) this.receipt = (await post("sessions/bulk/clear", this.scope)).receipt;
    let failures = 0;
    while (this.receipt.state === "running") {
      say(this.receipt.counts.sessions ?? 0, this.count.sessions);
      await new Promise((resolve) => setTimeout(resolve, LOOK));
      try {
        this.receipt = await readReceipt(this.receipt.id);
        failures = 0;
      } catch (error) {
        failures += 1;
        if (failures > MOST_FAILURES || error.status === 401) throw error;
      }
    }
    return this.receipt;
  }
}

function messages(count) {
  return n(count, "{count} message", "{count} messages");
}

function words(count) {
  return t("{chats} with {messages}", { chats: n(count.sessions, "{count} chat", "{count} chats"), messages: messages(count.messages) });
}

customElements.define("docchat-many", Many);
