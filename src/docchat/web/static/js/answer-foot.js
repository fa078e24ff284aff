// What stands below an answer: how it was made, and what can be done with it.

import { emit } from "./bus.js";
import { hasModel, models } from "./choice.js";
import { asMarkdown } from "./copying.js";
import { h, icon, iconButton } from "./dom.js";
import { feedback } from "./feedback.js";
import { locale, t, told } from "./i18n.js";

/** Nodes below a finished answer. `text` and `citations` are what is shown; `again(how)` has it made anew. */
export function footOf({ session, message, text, citations, again }) {
  const nodes = [];
  if (message.state === "stopped") nodes.push(h("p", { class: "soft stopped" }, t("Stopped. This is what was there until then.")));
  if (message.state === "failed") nodes.push(failed(message, again));
  else if (message.error) nodes.push(h("p", { class: "soft stopped", role: "note" }, told(message.error)));
  if (text) nodes.push(facts({ session, message, text, citations, again }));
  return nodes;
}

function failed(message, again) {
  const button = (how, words) => h("button", { type: "button", class: "button small", onclick: () => again(how) }, words);
  const buttons = [button(message.mode ? { mode: message.mode } : {}, t("Ask again"))];
  if (message.mode === "model") buttons.push(button({ mode: "quotes" }, t("Quote my documents instead")));
  return h("div", { class: "problem", role: "alert" }, h("span", {}, told(message.error) || t("This answer is unfinished.")), ...buttons);
}

function facts({ session, message, text, citations, again }) {
  const copy = h("button", { type: "button", class: "quiet", title: t("Copy as Markdown, with the sources as footnotes") }, icon("copy"), t("Copy"));
  copy.addEventListener("click", () => copyAnswer(text, citations));
  const actions = message.id ? [repeat(message, again), ...others(again), feedback(session, message)] : [];
  return h("div", { class: "message-foot", role: "group", "aria-label": t("About this answer") }, copy, ...actions, about(message));
}

/** What the answer is, in short; by whom, when and to which question is told on demand. */
function about(message) {
  const written = message.mode === "model";
  const made = written ? t("Written by {model}", { model: message.model || t("the model") }) : t("Quoted from your documents");
  const facts = [
    message.refused ? null : [t("Made by"), written ? (message.model || t("the model")) : t("docchat, word for word from your documents")],
    [t("Time"), h("time", { datetime: message.created_at }, moment(message.created_at))],
    message.understood ? [t("Understood as"), h("q", { class: "understood", dir: "auto" }, message.understood)] : null,
  ];
  const pairs = facts.filter(Boolean).flatMap(([name, value]) => [h("dt", {}, name), h("dd", { dir: "auto" }, value)]);
  return h("details", { class: "made" }, h("summary", { title: t("Time, model and more") }, message.refused ? t("About this answer") : made), h("dl", {}, ...pairs));
}

function moment(iso) {
  return new Date(iso).toLocaleString(locale(), { dateStyle: "long", timeStyle: "medium" });
}

function repeat(message, again) {
  return iconButton("again", t("Answer again"), () => again(message.mode ? { mode: message.mode } : {}));
}

/** Other ways to answer the same question, as a menu; filled when it is opened, for models come and go. */
function others(again) {
  if (!hasModel()) return [];
  const items = h("div", { class: "menu-items" });
  const menu = h("details", { class: "menu others" }, h("summary", { class: "quiet", title: t("Answer in another way"), "aria-label": t("Answer in another way") }, icon("more")), items);
  menu.addEventListener("toggle", async () => {
    if (!menu.open) return;
    const found = await models();
    const item = (words, how) => h("button", { type: "button", onclick: () => again(how) }, words);
    const listed = found.map(({ id, label }) => item(h("span", { dir: "auto" }, t("Answer by {model}", { model: label })), { mode: "model", model: id }));
    items.replaceChildren(...listed, item(t("Quote my documents"), { mode: "quotes" }));
  });
  return [menu];
}

async function copyAnswer(text, citations) {
  try {
    await navigator.clipboard.writeText(asMarkdown(text, citations));
    emit("notice", { text: t("Copied as Markdown, with its sources.") });
  } catch {
    emit("notice", { text: t("The browser did not allow copying.") });
  }
}
