// <docchat-operate>: health, use by day, storage, jobs, models and retention; numbers only.

import { offer } from "./actions.js";
import { get, post } from "./api.js";
import { emit, on } from "./bus.js";
import { chart, longDay } from "./chart.js";
import { bytes, h, when } from "./dom.js";
import { locale, n, t } from "./i18n.js";

const AGAIN = 30_000;
const LATE = 60;
const SERIES = {
  sessions: () => t("Chats begun"),
  answers: () => t("Answers of models"),
  tokens: () => t("Tokens of models"),
  documents: () => t("Documents added"),
  cleared: () => t("Clears"),
};
const count = (value) => value.toLocaleString(locale());

class Operate extends HTMLElement {
  #next = null;

  connectedCallback() {
    this.#part("days").addEventListener("change", () => this.#use());
    this.#part("more")?.addEventListener("click", () => this.#people());
    on("signed-in", () => this.load());
    offer({ id: "page.refresh", name: () => t("Look at the numbers again"), run: () => this.load() });
    this.load();
    setInterval(() => document.visibilityState === "visible" && this.#overview(), AGAIN);
  }

  #part(name) {
    return this.querySelector(`[data-${name}]`);
  }

  async load() {
    await Promise.all([this.#overview(), this.#use(), this.#part("people") && this.#people(true)]);
  }

  async #tell(work) {
    try {
      await work();
      this.#problem("");
    } catch (error) {
      this.#problem(error.message);
    }
  }

  #problem(words) {
    this.#part("problem").textContent = words;
    this.#part("problem").hidden = !words;
  }

  #overview() {
    return this.#tell(async () => {
      const told = await get("operate");
      this.#part("health").replaceChildren(...healthOf(told));
      this.#part("storage").replaceChildren(...storageOf(told));
      this.#part("jobs").replaceChildren(...this.#jobsOf(told));
      this.#part("models-list").replaceChildren(...this.#modelsOf(told));
      this.#part("retention").replaceChildren(...retentionOf(told.retention).map((words) => h("li", {}, words)));
    });
  }

  #use() {
    return this.#tell(async () => {
      const { days } = await get(`operate/use?days=${this.#part("days").value}`);
      const drawn = Object.entries(SERIES).map(([kind, name]) =>
        chart(name(), days.map((day) => ({ day: day.day, value: day[kind] }))),
      );
      this.#part("charts").replaceChildren(...drawn);
      const head = h("tr", {}, h("th", { scope: "col" }, t("Day")), ...Object.values(SERIES).map((name) => h("th", { scope: "col" }, name())));
      const rows = days.toReversed().map((day) =>
        h("tr", {}, h("th", { scope: "row" }, longDay(day.day)), ...Object.keys(SERIES).map((kind) => h("td", {}, count(day[kind])))),
      );
      this.#part("table").replaceChildren(h("table", { class: "numbers" }, h("thead", {}, head), h("tbody", {}, ...rows)));
    });
  }

  #people(anew = false) {
    return this.#tell(async () => {
      const after = anew || !this.#next ? "" : `?cursor=${encodeURIComponent(this.#next)}`;
      const { people, next } = await get(`operate/people${after}`);
      this.#next = next;
      // A button that goes leaves the focus with what it brought.
      if (!next && document.activeElement === this.#part("more")) this.#part("people").focus();
      this.#part("more").hidden = !next;
      const rows = people.map((one) => h("tr", {}, h("th", { scope: "row" }, one.owner), ...figures(one).map((value) => h("td", {}, value))));
      const body = this.#part("people").querySelector("tbody");
      if (body && after) return body.append(...rows);
      const names = [t("Person"), t("Chats"), t("Messages"), t("Documents"), t("Files"), t("Last active")];
      const head = h("tr", {}, ...names.map((name) => h("th", { scope: "col" }, name)));
      this.#part("people").replaceChildren(h("table", { class: "numbers" }, h("thead", {}, head), h("tbody", {}, ...rows)));
    });
  }

  #jobsOf({ jobs }) {
    if (!jobs.length) return [h("p", { class: "soft" }, t("Nothing is to be done."))];
    const names = [t("Kind"), t("Waiting"), t("Running"), t("Given up")];
    const head = h("tr", {}, ...names.map((name) => h("th", { scope: "col" }, name)));
    const rows = jobs.map((job) =>
      h(
        "tr",
        {},
        h("th", { scope: "row" }, job.kind.replaceAll("_", " ")),
        h("td", {}, count(job.waiting)),
        h("td", {}, count(job.running)),
        h("td", {}, job.failed ? `${count(job.failed)} (${job.errors.join(", ")})` : "0"),
      ),
    );
    const table = h("div", { class: "table-scroll" }, h("table", { class: "numbers" }, h("thead", {}, head), h("tbody", {}, ...rows)));
    const failed = jobs.reduce((sum, job) => sum + job.failed, 0);
    if (!failed) return [table];
    const again = () => this.#tell(async () => {
      const { jobs: put } = await post("operate/jobs/retry");
      emit("notice", { text: n(put, "{count} job is tried again.", "{count} jobs are tried again.") });
      await this.#overview();
    });
    return [table, h("button", { type: "button", class: "button small", dataset: { retry: "" }, onclick: again }, t("Try those again that were given up"))];
  }

  #modelsOf({ models }) {
    const link = h("a", { href: this.dataset.models }, t("Change the models"));
    if (!models.length) return [h("p", {}, t("No model is connected: answers are quoted from the documents."), " ", link)];
    const rows = models.map((model) => {
      const state = model.enabled ? t("on") : t("off");
      return h("li", {}, h("strong", {}, model.label || t("Model of the settings")), ` · ${state}`);
    });
    return [h("ul", { class: "plain" }, ...rows), h("p", {}, link)];
  }
}

/** One light: good or not, said in words too. */
function light(good, words) {
  const state = good ? t("Good") : t("Look at this");
  return h("li", { class: good ? "light fine" : "light amiss" }, h("span", { class: "light-state" }, state), h("span", {}, words));
}

function answering(name, milliseconds) {
  if (milliseconds === null) return light(false, t("{name} does not answer.", { name }));
  return light(true, t("{name} answers in {time} ms.", { name, time: count(milliseconds) }));
}

function healthOf({ health, jobs, clears, storage, totals }) {
  const late = Math.max(0, ...jobs.map((job) => job.late));
  const failed = jobs.reduce((sum, job) => sum + job.failed, 0);
  const free = storage.disk ? storage.free / storage.disk : 1;
  return [
    answering(health.database, health.database_ms),
    answering(t("The key store"), health.keys_ms),
    light(late < LATE, late < 1 ? t("No job waits.") : n(Math.round(late), "The oldest job waits for {count} second.", "The oldest job waits for {count} seconds.")),
    light(!failed, failed ? n(failed, "{count} job was given up.", "{count} jobs were given up.") : t("No job was given up.")),
    light(free > 0.05, t("{free} of {disk} are free on the disk.", { free: bytes(storage.free), disk: bytes(storage.disk) })),
    light(
      !totals.failed,
      totals.failed ? n(totals.failed, "{count} document could not be read.", "{count} documents could not be read.") : t("Every document could be read."),
    ),
    ...(clears.running + clears.pending
      ? [light(true, t("{running} clears go on, {pending} could be undone.", { running: count(clears.running), pending: count(clears.pending) }))]
      : []),
  ];
}

function storageOf({ storage, totals }) {
  const cells = [
    [t("Database"), bytes(storage.database)],
    [t("Originals"), bytes(storage.originals)],
    [t("Attached files, sealed"), bytes(storage.attachments)],
    [t("Free on the disk"), bytes(storage.free)],
    [t("People"), count(totals.people)],
    [t("Active in 30 days"), count(totals.active)],
    [t("Chats"), count(totals.sessions)],
    [t("Messages"), count(totals.messages)],
    [t("Documents"), count(totals.documents)],
    [t("Waiting to be read"), count(totals.waiting)],
    [t("Passages"), count(totals.passages)],
    [t("Collections"), count(totals.collections)],
  ];
  return cells.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value)));
}

function retentionOf({ days, idle_days: idle, undo_seconds: undo, answers_per_day: answers }) {
  return [
    days ? n(days, "Chats are deleted {count} day after they were begun.", "Chats are deleted {count} days after they were begun.") : t("No chat is deleted for its age."),
    idle
      ? n(idle, "Chats are deleted after {count} day without a message.", "Chats are deleted after {count} days without a message.")
      : t("No chat is deleted for being idle."),
    undo ? n(undo, "A clear can be undone for {count} second.", "A clear can be undone for {count} seconds.") : t("A clear cannot be undone."),
    answers ? n(answers, "A person may have {count} answer of a model a day.", "A person may have {count} answers of models a day.") : t("Answers of models are not limited by day."),
  ];
}

/** What a person has, as texts in the order of the table's heads. */
export function figures(one) {
  return [count(one.sessions), count(one.messages), count(one.documents), bytes(one.bytes), one.last ? when(one.last) : "–"];
}

customElements.define("docchat-operate", Operate);
