// What stands in the place of messages when there are none.

import { get } from "./api.js";
import { emit } from "./bus.js";
import { context } from "./context.js";
import { h, icon, plural } from "./dom.js";
import { firstSuggestions } from "./suggestions.js";
import { countsOf, receiptButton, undoButton } from "./receipt.js";

/**
 * Nodes for an empty place. `about.kind` is one of
 * new; section (with the `receipt` of its last clear); wait; cleared (with `what` and the `receipt`, when it is known); gone (with `successor`); lost (with `error` and `retry`).
 */
export function welcome(about) {
  if (about.kind === "section") return [about.receipt ? cleared({ what: "section", receipt: about.receipt }) : "", h("p", { class: "soft" }, "Answers come from this part of the document alone.")];
  if (about.kind === "wait") return [h("p", { class: "looking" }, "Looking what is left of this chat…")];
  if (about.kind === "gone") return gone(about);
  if (about.kind === "lost") return lost(about);
  const nodes = about.kind === "cleared" ? [cleared(about)] : [];
  const line = h("p", {}, "\u00a0");
  // The one below stays when this place is drawn anew; an input in here would be gone while the person still picks.
  const pick = () => document.querySelector("[data-pick]").click();
  const add = h("button", { type: "button", class: "button", hidden: true, onclick: pick }, icon("upload"), "Add documents");
  count(line, add);
  return [...nodes, h("h2", {}, "Ask your documents."), line, add, firstSuggestions()];
}

async function count(line, add) {
  try {
    const { queued, reading, ready, failed } = await get("documents/progress");
    const waiting = queued + reading;
    add.hidden = waiting + ready + failed > 0;
    if (!add.hidden) line.textContent = "There are none yet. Add some, or drop files anywhere on this page; the answers come only from them.";
    else if (!ready && waiting) line.textContent = `${plural(waiting, "document")} being read. You can ask as soon as the first is ready.`;
    else line.replaceChildren("Answers come from ", h("a", { href: context().documents }, plural(ready, "document")), " in your library, with the place of each quote.");
  } catch {
    line.textContent = "";
  }
}

const CLEARED = {
  chat: "This chat was cleared. Your documents are untouched.",
  section: "This chat was cleared. The document is untouched.",
  history: "The history of this chat was cleared. The chat, its title and your documents are untouched.",
};

function cleared({ what, receipt }) {
  const went = receipt?.counts ? countsOf(receipt) : "";
  const words = h("div", { role: "status" }, h("p", {}, CLEARED[what]), went ? h("p", {}, `Removed: ${went}.`) : null);
  if (!receipt) return h("div", { class: "receipt" }, words);
  const failed = (text) => emit("notice", { text });
  return h("div", { class: "receipt" }, words, h("div", { class: "receipt-actions" }, receiptButton(receipt.id), undoButton(receipt, failed)));
}

function gone({ successor }) {
  const open = () => (successor ? emit("open-chat", { id: successor }) : emit("new-chat"));
  return [
    h("h2", {}, "This chat was cleared."),
    h("p", {}, "It happened in another tab or on another device, so nothing of it is left here either. Your documents are untouched."),
    h("button", { type: "button", class: "button primary", onclick: open }, "Go to a new chat"),
  ];
}

function lost({ error, retry }) {
  if (error.status === 404) {
    return [
      h("h2", {}, "There is no such chat."),
      h("p", {}, "It was deleted, or it never was yours."),
      h("button", { type: "button", class: "button primary", onclick: () => emit("new-chat") }, "Go to a new chat"),
    ];
  }
  return [
    h("h2", {}, "The chat could not be loaded."),
    h("p", { role: "alert" }, error.message),
    h("button", { type: "button", class: "button", onclick: retry }, "Try again"),
  ];
}
