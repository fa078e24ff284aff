// Shows what in an answer its sources do not carry: a dotted line under the words, and a note for readers of the screen.

import { cut, h } from "./dom.js";
import { n, t } from "./i18n.js";

// Private characters that no stored text has; the server drops them from documents, and here they are dropped from answers.
const OPEN = "\ue000";
const FLAG = "\ue001";
const CLOSE = "\ue002";
const OURS = /[\ue000-\ue002]/g;
/** What begins a block in Markdown: a mark before it would make plain text of the block. */
const BLOCK = /^(?:\s|[>#|]|[-*+]\s|\d{1,9}[.)]\s)+/;

const words = (kind) => (kind === "number" ? t("This number is not in the passages cited") : t("Not found in your documents"));

/** The text with its doubts marked, for showMarkdown; `markDoubts` then makes elements of the marks. */
export function withMarks(text, doubts) {
  const sorted = [...doubts].sort((a, b) => a.start - b.start || b.end - a.end).filter((doubt, at, all) => at === 0 || doubt.start >= all[at - 1].end);
  if (!sorted.length) return text.replace(OURS, "");
  const pieces = cut(text, ...sorted.flatMap(({ start, end }) => [start, end])).map((piece) => piece.replace(OURS, ""));
  return pieces.map((piece, at) => (at % 2 ? marked(piece, sorted[(at - 1) / 2].kind) : piece)).join("");
}

function marked(piece, kind) {
  const open = kind === "number" ? FLAG : OPEN;
  // A doubt never reaches over the end of a block.
  return piece
    .split(/(\n+)/)
    .map((part) => {
      const lead = BLOCK.exec(part)?.[0] ?? "";
      const rest = part.slice(lead.length);
      // An address ends at a blank, not at our mark.
      const gap = /https?:\/\/\S*$/.test(rest) ? " " : "";
      return rest.trim() ? `${lead}${open}${rest}${gap}${CLOSE}` : part;
    })
    .join("");
}

/** Make elements of the marks in `root`; gives how many there are. */
export function markDoubts(root) {
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  const texts = [];
  while (walker.nextNode()) texts.push(walker.currentNode);
  let kind = null;
  let count = 0;
  for (const node of texts) {
    if (!kind && !node.data.match(OURS)) continue;
    const inCode = node.parentElement.closest("button, .cite, math");
    const nodes = [];
    for (const part of node.data.split(/([\ue000-\ue002])/)) {
      if (part === OPEN || part === FLAG) {
        kind = part === FLAG ? "number" : "unsupported";
        count += 1;
      } else if (part === CLOSE) {
        if (kind && !inCode) nodes.push(h("span", { class: "sr" }, ` (${words(kind)}.) `));
        kind = null;
      } else if (part) {
        nodes.push(kind && !inCode ? h("span", { class: `doubt ${kind}`, title: words(kind) }, part) : part);
      }
    }
    node.replaceWith(...nodes);
  }
  return count;
}

/** A line that says what the dotted lines mean. */
export function doubtWords(doubts) {
  const statements = doubts.filter(({ kind }) => kind === "unsupported").length;
  const numbers = doubts.length - statements;
  const lines = [];
  if (statements) lines.push(n(statements, "One statement was not found in your documents; dotted above.", "{count} statements were not found in your documents; dotted above."));
  if (numbers) lines.push(n(numbers, "One number does not stand in the passages cited; dotted above.", "{count} numbers do not stand in the passages cited; dotted above."));
  return h("p", { class: "soft doubt-words", role: "note" }, lines.join(" "));
}
