// How far a pile of work is: a bar, how many of how many, how fast, how long still.

import { h } from "./dom.js";

/** The rate is that of the last seconds: what was quick in the beginning says little about now. */
const LOOK_BACK = 15_000;
const LEAST = 1500;
const SPOKEN_EVERY = 10_000;

/** `node` is what to show; `set` says where things stand. Readers of the screen are told now and then, not each time. */
export class Meter {
  #samples = [];
  #spoken = 0;

  constructor(label) {
    this.words = h("span", { class: "meter-words" });
    this.bar = h("progress", { max: "1", "aria-label": label });
    this.said = h("span", { class: "sr", role: "status" });
    this.node = h("div", { class: "meter" }, this.words, this.bar, this.said);
  }

  /** `done` of `total` are through; `verb` and `noun` name them: "Reading", "files". */
  set({ done, total, verb, noun, end = "" }) {
    this.bar.value = total ? done / total : 0;
    const count = `${done.toLocaleString("en")} of ${total.toLocaleString("en")} ${noun}`;
    const pace = done < total ? this.#pace(done, total) : "";
    const words = done < total ? `${verb}: ${count}` : end || count;
    this.words.replaceChildren(h("strong", {}, words), pace ? ` · ${pace}` : "");
    this.#say(done < total ? words : end || `${count} done`, done >= total);
  }

  #pace(done, total) {
    const now = performance.now();
    this.#samples.push([now, done]);
    while (this.#samples.length > 2 && now - this.#samples[0][0] > LOOK_BACK) this.#samples.shift();
    const [since, before] = this.#samples[0];
    const rate = (done - before) / ((now - since) / 1000);
    if (now - since < LEAST || rate <= 0) return "";
    return `${perTime(rate)}, about ${duration((total - done) / rate)} left`;
  }

  #say(words, now) {
    if (this.said.textContent === words || (!now && performance.now() - this.#spoken < SPOKEN_EVERY)) return;
    this.#spoken = performance.now();
    this.said.textContent = words;
  }
}

/** "12 a second", "3.5 a second", "20 a minute". */
function perTime(rate) {
  if (rate >= 10) return `${Math.round(rate).toLocaleString("en")} a second`;
  return rate >= 1 ? `${rate.toFixed(1)} a second` : `${Math.max(1, Math.round(rate * 60))} a minute`;
}

function duration(seconds) {
  if (seconds < 90) return `${Math.max(1, Math.round(seconds))} s`;
  return seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3600)} h`;
}
