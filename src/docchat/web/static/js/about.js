// The line above a chat that is about one part of a document: which one, and when it is gone.

import { emit } from "./bus.js";
import { h } from "./dom.js";
import { t } from "./i18n.js";
import { placeWords } from "./words.js";

/** Draw it at the top of a conversation, or take it away; `about` is as the server tells of a chat. */
export function drawAbout(conversation, about) {
  conversation.querySelector(":scope > .about-part")?.remove();
  if (!about) return;
  if (about.deleted) {
    const words = t("Source deleted: this chat is about a part of a document that was deleted, or is not shared with you any more.");
    return conversation.prepend(h("p", { class: "about-part soft", role: "note" }, words));
  }
  const show = h("button", { type: "button", class: "button small" }, t("Show it"));
  show.addEventListener("click", () => emit("show-source", { citation: { document: about.document, name: about.name, page: about.page }, opener: show }));
  conversation.prepend(h("p", { class: "about-part soft" }, h("span", { dir: "auto" }, t("About “{title}” in {name}. Answers come from this part alone.", { title: placeWords(about.title), name: about.name })), show));
}
