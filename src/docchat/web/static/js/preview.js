// What a citation quotes, beside its number, while the pointer rests on it or it has the focus.

import { h } from "./dom.js";
import { locale, t } from "./i18n.js";
import { placeWords } from "./words.js";

const REST = 220;
const LEAVE = 180;
const LONGEST = 320;
const GAP = 6;
const EDGE = 8;
const ID = "docchat-preview";

let box = null;
let owner = null;
let timer = 0;

/** Show what `found()` says of the citation when the pointer or the focus comes to `button`. */
export function previewOf(button, found) {
  button.addEventListener("pointerenter", (event) => event.pointerType === "mouse" && later(REST, () => show(button, found())));
  button.addEventListener("pointerleave", () => later(LEAVE, hide));
  button.addEventListener("focus", () => button.matches(":focus-visible") && show(button, found()));
  button.addEventListener("blur", hide);
  button.addEventListener("click", hide);
}

function later(milliseconds, what) {
  clearTimeout(timer);
  timer = setTimeout(what, milliseconds);
}

function made() {
  box ??= h("div", { class: "preview", id: ID, role: "tooltip", popover: "manual" });
  // A pointer may go over to it, to read on or to select.
  box.onpointerenter = () => clearTimeout(timer);
  box.onpointerleave = () => later(LEAVE, hide);
  if (!box.isConnected) document.body.append(box);
  return box;
}

function show(button, citation) {
  clearTimeout(timer);
  if (!button.isConnected || !citation || button.classList.contains("shown")) return;
  hide();
  const quote = short(citation.quote ?? "");
  if (!quote) return;
  owner = button;
  const where = h("span", { class: "preview-where" }, h("b", { dir: "auto" }, citation.name), citation.label ? h("span", { class: "soft" }, placeWords(citation.label)) : null);
  made().replaceChildren(where, h("q", { dir: "auto" }, quote), citation.attachment ? h("span", { class: "soft" }, t("Attached to this chat")) : "");
  button.setAttribute("aria-describedby", ID);
  box.showPopover();
  place(button);
}

/** Above the number where there is room, else below. */
function place(button) {
  const at = button.getBoundingClientRect();
  const size = box.getBoundingClientRect();
  const above = at.top - size.height - GAP;
  const start = document.dir === "rtl" ? at.right - size.width : at.left;
  box.style.left = `${Math.max(EDGE, Math.min(start, innerWidth - size.width - EDGE))}px`;
  box.style.top = `${above >= EDGE ? above : at.bottom + GAP}px`;
}

function hide() {
  clearTimeout(timer);
  if (!owner) return;
  owner.removeAttribute("aria-describedby");
  owner = null;
  box.hidePopover();
  box.replaceChildren();
}

function short(text) {
  const line = text.replace(/\s+/g, " ").trim();
  if (line.length <= LONGEST) return line;
  let end = LONGEST;
  for (const { index } of new Intl.Segmenter(locale(), { granularity: "word" }).segment(line)) {
    if (index > LONGEST) break;
    end = index;
  }
  return `${line.slice(0, end).trimEnd()} …`;
}

document.addEventListener("scroll", () => owner && hide(), { capture: true, passive: true });
document.addEventListener(
  "keydown",
  (event) => {
    if (event.key !== "Escape" || !owner) return;
    // Escape takes the preview away, and nothing else; but who writes means what is written.
    hide();
    if (event.target.closest?.("input, textarea")) return;
    event.stopPropagation();
    event.preventDefault();
  },
  true,
);
for (const name of ["gone", "emptied", "chat"]) document.addEventListener(`docchat:${name}`, hide);
