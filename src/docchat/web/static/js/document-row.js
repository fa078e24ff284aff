// A document in the list of the documents page: its picture, its state, what to do about it.

import { emit } from "./bus.js";
import { context } from "./context.js";
import { bytes, h, icon, iconButton, pagesOf, plural, when } from "./dom.js";
import { t } from "./i18n.js";
import { mayTryAgain, reason } from "./reasons.js";
import { passwordForm } from "./unlock.js";
import { readingWords } from "./words.js";

const DRAWN = ["application/pdf", "image/png", "image/jpeg"];

/** Whether the server can draw its pages. */
export function isDrawn({ media_type }) {
  return DRAWN.includes(media_type);
}

/** `chosen` is whether it is among those to ask about; `on` has retry, delete, opened and choose. */
export function documentRow(found, chosen, on) {
  const ready = found.state === "ready";
  const open = h("button", { type: "button", class: "document-name", title: found.name, dir: "auto", disabled: !ready }, found.name);
  open.addEventListener("click", () => emit("show-source", { citation: { document: found.id, name: found.name, page: 1, drawn: isDrawn(found) }, opener: open }));
  const choose = h("input", { type: "checkbox", class: "document-choose", disabled: !ready, "aria-label": t("Ask about {name}", { name: found.name }), title: ready ? t("Ask about this document") : null });
  choose.checked = chosen;
  choose.addEventListener("change", () => on.choose(found, choose.checked));
  const actions = h("span", { class: "document-actions" });
  if (found.state === "failed" && mayTryAgain(found)) {
    actions.append(h("button", { type: "button", class: "quiet", onclick: () => on.retry(found) }, icon("again"), t("Retry")));
  }
  actions.append(iconButton("bin", t("Delete {name}", { name: found.name }), () => on.delete(found)));
  const locked = found.state === "failed" && found.code === "locked";
  return h(
    "li",
    { class: "document", dataset: { document: found.id } },
    choose,
    picture(found),
    open,
    h("span", { class: "document-facts soft" }, state(found), ` · ${facts(found).join(" · ")}`),
    locked ? passwordForm(found, `documents/${found.id}/password`, on.opened) : null,
    actions,
  );
}

function facts(found) {
  const known = found.state === "ready" ? [pagesOf(found), plural(found.passages, "passage")] : [];
  return [...known, bytes(found.size), when(found.created_at)].filter(Boolean);
}

function state(found) {
  const words = { queued: t("Queued"), reading: readingWords(found), ready: t("Ready") }[found.state] ?? reason(found);
  return h("span", { class: `state ${found.state} ${found.code === "locked" ? "locked" : ""}` }, words);
}

/** Its first page where there is a picture of it, else the kind of the file. */
function picture(found) {
  const kind = (/\.([a-z0-9]{1,5})$/i.exec(found.name)?.[1] ?? "file").toUpperCase();
  const place = h("span", { class: "kind", "aria-hidden": "true" }, kind);
  if (!isDrawn(found) || found.code === "locked") return place;
  const image = h("img", { src: `${context().api}documents/${found.id}/thumbnail`, alt: "", loading: "lazy", decoding: "async" });
  image.addEventListener("load", () => place.classList.add("drawn"));
  image.addEventListener("error", () => image.remove());
  place.append(image);
  return place;
}
