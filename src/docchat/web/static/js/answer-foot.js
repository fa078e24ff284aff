// What stands below an answer: how it was made, and what can be done with it.

import { emit } from "./bus.js";
import { hasModel, models } from "./choice.js";
import { asMarkdown } from "./copying.js";
import { h, icon, iconButton, when } from "./dom.js";
import { feedback } from "./feedback.js";

/** Nodes below a finished answer. `text` and `citations` are what is shown; `again(how)` has it made anew. */
export function footOf({ session, message, text, citations, again }) {
  const nodes = [];
  if (message.state === "stopped") nodes.push(h("p", { class: "soft stopped" }, "Stopped. This is what was there until then."));
  if (message.state === "failed") nodes.push(failed(message, again));
  else if (message.error) nodes.push(h("p", { class: "soft stopped", role: "note" }, message.error));
  if (text) nodes.push(facts({ session, message, text, citations, again }));
  return nodes;
}

function failed(message, again) {
  const button = (how, words) => h("button", { type: "button", class: "button small", onclick: () => again(how) }, words);
  const buttons = [button(message.mode ? { mode: message.mode } : {}, "Ask again")];
  if (message.mode === "model") buttons.push(button({ mode: "quotes" }, "Quote my documents instead"));
  return h("div", { class: "problem", role: "alert" }, h("span", {}, message.error || "This answer is unfinished."), ...buttons);
}

function facts({ session, message, text, citations, again }) {
  const copy = h("button", { type: "button", class: "quiet", title: "Copy as Markdown, with the sources as footnotes" }, icon("copy"), "Copy");
  copy.addEventListener("click", () => copyAnswer(text, citations));
  const made = message.mode === "model" ? `Written by ${message.model || "the model"}` : "Quoted from your documents";
  const time = h("time", { datetime: message.created_at }, when(message.created_at));
  const actions = message.id ? [repeat(message, again), ...others(again), feedback(session, message)] : [];
  const row = h("div", { class: "message-foot" }, copy, ...actions, message.refused ? null : h("span", { class: "made" }, made), time);
  return message.understood ? h("div", {}, row, understood(message.understood)) : row;
}

function repeat(message, again) {
  return iconButton("again", "Answer again", () => again(message.mode ? { mode: message.mode } : {}));
}

/** Other ways to answer the same question, as a menu; filled when it is opened, for models come and go. */
function others(again) {
  if (!hasModel()) return [];
  const items = h("div", { class: "menu-items" });
  const menu = h("details", { class: "menu others" }, h("summary", { class: "quiet", title: "Answer in another way", "aria-label": "Answer in another way" }, icon("more")), items);
  menu.addEventListener("toggle", async () => {
    if (!menu.open) return;
    const found = await models();
    const item = (words, how) => h("button", { type: "button", onclick: () => again(how) }, words);
    const listed = found.map(({ id, label }) => item(h("span", {}, "Answer by ", h("b", { dir: "auto" }, label)), { mode: "model", model: id }));
    items.replaceChildren(...listed, item("Quote my documents", { mode: "quotes" }));
  });
  return [menu];
}

function understood(words) {
  return h("details", { class: "understood" }, h("summary", {}, "Understood as…"), h("p", { dir: "auto" }, `“${words}”`));
}

async function copyAnswer(text, citations) {
  try {
    await navigator.clipboard.writeText(asMarkdown(text, citations));
    emit("notice", { text: "Copied as Markdown, with its sources." });
  } catch {
    emit("notice", { text: "The browser did not allow copying." });
  }
}
