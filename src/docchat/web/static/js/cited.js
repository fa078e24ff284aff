// What an answer rests on: the marks in its text, the list below it, and what comes closest when there is no answer.

import { emit } from "./bus.js";
import { h } from "./dom.js";
import { t } from "./i18n.js";
import { previewOf } from "./preview.js";
import { placeWords } from "./words.js";

const LONGEST = 220;

/** The button of a mark; a deleted source leads nowhere. `found()` is what it leads to when it is clicked. */
export function markOf(number, found) {
  const source = found();
  const words = [source.name, placeWords(source.label)].filter(Boolean).join(", ");
  if (source.deleted) return h("span", { class: "cite deleted", title: t("{source}: source deleted", { source: words }) }, h("span", { "aria-hidden": "true" }, String(number)), h("span", { class: "sr" }, t("Source {number}, deleted", { number })));
  const button = h("button", { type: "button", class: "cite", dataset: { number }, "aria-label": t("Source {number}: {source}", { number, source: words }) }, String(number));
  button.addEventListener("click", () => emit("show-source", { citation: found(), opener: button }));
  previewOf(button, found);
  return button;
}

/** One source of the list below an answer. */
export function sourceLink(citation) {
  const number = h("b", {}, String(citation.number));
  const name = h("span", { class: "name", dir: "auto" }, citation.name);
  if (citation.deleted) return h("span", { class: "source-link deleted", title: citation.quote }, number, name, h("span", { class: "label" }, t("source deleted")));
  const label = citation.label ? h("span", { class: "label" }, placeWords(citation.label)) : null;
  const button = h("button", { type: "button", class: "source-link", dataset: { number: citation.number } }, number, name, label);
  button.addEventListener("click", () => emit("show-source", { citation, opener: button }));
  previewOf(button, () => citation);
  return button;
}

/** The passages that come closest to a question that the documents do not answer. */
export function nearestList(citations) {
  const there = citations.filter((citation) => !citation.deleted);
  if (!there.length) return null;
  return h("section", { class: "nearest", "aria-label": t("Closest passages") }, h("p", { class: "soft" }, t("What comes closest, for you to judge:")), h("ul", {}, ...there.map((citation) => h("li", {}, nearest(citation)))));
}

function nearest(citation) {
  const quote = citation.quote.replace(/\s+/g, " ").trim();
  const short = quote.length > LONGEST ? `${quote.slice(0, quote.lastIndexOf(" ", LONGEST))} …` : quote;
  const where = [citation.name, placeWords(citation.label)].filter(Boolean).join(", ");
  const button = h("button", { type: "button", class: "nearest-link" }, h("span", { class: "nearest-quote", dir: "auto" }, short), h("span", { class: "soft", dir: "auto" }, where));
  button.addEventListener("click", () => emit("show-source", { citation, opener: button }));
  return button;
}
