// What stands in the place of messages when there are none.

import { get } from "./api.js";
import { emit } from "./bus.js";
import { context } from "./context.js";
import { h, icon } from "./dom.js";
import { n, t } from "./i18n.js";
import { firstSuggestions } from "./suggestions.js";
import { countsOf, receiptButton, undoButton } from "./receipt.js";

const AGAIN = 3000;

/**
 * Nodes for an empty place. `about.kind` is one of
 * new; section (with the `receipt` of its last clear); wait; cleared (with `what` and the `receipt`, when it is known); gone (with `successor`); lost (with `error` and `retry`).
 */
export function welcome(about) {
  if (about.kind === "section") return [about.receipt ? cleared({ what: "section", receipt: about.receipt }) : "", h("p", { class: "soft" }, t("Answers come from this part of the document alone."))];
  if (about.kind === "wait") return [h("p", { class: "looking" }, t("Looking what is left of this chat…"))];
  if (about.kind === "gone") return gone(about);
  if (about.kind === "lost") return lost(about);
  const nodes = about.kind === "cleared" ? [cleared(about)] : [];
  const line = h("p", {}, "\u00a0");
  // The one below stays when this place is drawn anew; an input in here would be gone while the person still picks.
  const pick = () => document.querySelector("[data-pick]").click();
  const add = h("button", { type: "button", class: "button", hidden: true, onclick: pick }, icon("upload"), t("Add documents"));
  count(line, add);
  return [...nodes, h("h2", {}, t("Ask your documents.")), line, add, firstSuggestions()];
}

async function count(line, add) {
  try {
    const { queued, reading, ready, failed } = await get("documents/progress");
    const waiting = queued + reading;
    add.hidden = waiting + ready + failed > 0;
    if (!add.hidden) line.textContent = t("There are none yet. Add some, or drop files anywhere on this page; the answers come only from them.");
    else if (!ready && waiting) line.textContent = n(waiting, "{count} document being read. You can ask as soon as the first is ready.", "{count} documents being read. You can ask as soon as the first is ready.");
    else line.replaceChildren(t("Answers come from "), h("a", { href: context().documents }, n(ready, "{count} document", "{count} documents")), t(" in your library, with the place of each quote."));
  } catch {
    line.textContent = "";
    setTimeout(() => line.isConnected && count(line, add), AGAIN);
  }
}

const CLEARED = {
  chat: t("This chat was cleared. Your documents are untouched."),
  section: t("This chat was cleared. The document is untouched."),
  history: t("The history of this chat was cleared. The chat, its title and your documents are untouched."),
};

function cleared({ what, receipt }) {
  const went = receipt?.counts ? countsOf(receipt) : "";
  const words = h("div", { role: "status" }, h("p", {}, CLEARED[what]), went ? h("p", {}, t("Removed: {what}.", { what: went })) : null);
  if (!receipt) return h("div", { class: "receipt" }, words);
  const failed = (text) => emit("notice", { text });
  return h("div", { class: "receipt" }, words, h("div", { class: "receipt-actions" }, receiptButton(receipt.id), undoButton(receipt, failed)));
}

function gone({ successor }) {
  const open = () => (successor ? emit("open-chat", { id: successor }) : emit("new-chat"));
  return [
    h("h2", {}, t("This chat was cleared.")),
    h("p", {}, t("It happened in another tab or on another device, so nothing of it is left here either. Your documents are untouched.")),
    h("button", { type: "button", class: "button primary", onclick: open }, t("Go to a new chat")),
  ];
}

function lost({ error, retry }) {
  if (error.status === 404) {
    return [
      h("h2", {}, t("There is no such chat.")),
      h("p", {}, t("It was deleted, or it never was yours.")),
      h("button", { type: "button", class: "button primary", onclick: () => emit("new-chat") }, t("Go to a new chat")),
    ];
  }
  return [
    h("h2", {}, t("The chat could not be loaded.")),
    h("p", { role: "alert" }, error.message),
    h("button", { type: "button", class: "button", onclick: retry }, t("Try again")),
  ];
}
