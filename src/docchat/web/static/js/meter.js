// How far a pile of work is: a bar, how many of how many, how fast, how long still.

import { h } from "./dom.js";
import { locale, t } from "./i18n.js";

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

  /** `done` of `total` are through; `verb` and `noun` name them: "Reading", "files"; `paused`: it goes on only when told to. */
  set({ done, total, verb, noun, end = "", paused = false }) {
    this.bar.value = total ? done / total : 0;
    const count = t("{done} of {total} {things}", { done: done.toLocaleString(locale()), total: total.toLocaleString(locale()), things: noun });
    if (paused) this.#samples = [];
    const pace = done < total && !paused ? this.#pace(done, total) : "";
    const words = done < total ? `${verb}: ${count}` : end || count;
    this.words.replaceChildren(h("strong", {}, words), pace ? ` · ${pace}` : "");
    this.#say(done < total ? words : end || t("{what} done", { what: count }), done >= total);
  }

  #pace(done, total) {
    const now = performance.now();
    this.#samples.push([now, done]);
    while (this.#samples.length > 2 && now - this.#samples[0][0] > LOOK_BACK) this.#samples.shift();
    const [since, before] = this.#samples[0];
    const rate = (done - before) / ((now - since) / 1000);
    if (now - since < LEAST || rate <= 0) return "";
    return t("{rate}, about {time} left", { rate: perTime(rate), time: duration((total - done) / rate) });
  }

  #say(words, now) {
    if (this.said.textContent === words || (!now && performance.now() - this.#spoken < SPOKEN_EVERY)) return;
    this.#spoken = performance.now();
    this.said.textContent = words;
  }
}

/** "12 a second", "3.5 a second", "20 a minute". */
function perTime(rate) {
  if (rate >= 10) return t("{count} a second", { count: Math.round(rate).toLocaleString(locale()) });
  return rate >= 1 ? t("{count} a second", { count: rate.toFixed(1) }) : t("{count} a minute", { count: Math.max(1, Math.round(rate * 60)) });
}

function duration(seconds) {
  if (seconds < 90) return t("{count} s", { count: Math.max(1, Math.round(seconds)) });
  return seconds < 5400 ? t("{count} min", { count: Math.round(seconds / 60) }) : t("{count} h", { count: Math.round(seconds / 3600) });
}
