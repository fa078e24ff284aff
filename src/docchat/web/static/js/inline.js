// Markdown inside a line: emphasis, code, marks [n], addresses. Builds nodes only, never HTML text.

import { h } from "./dom.js";
import { math } from "./math.js";

const TOKEN = new RegExp(
  [
    /\$\$(?<shown>[^$]{1,4000}?)\$\$|\\\[(?<bracketed>[\s\S]{1,4000}?)\\\]/,
    // A price is no formula: what is set in dollars begins and ends without a blank, and no digit follows it.
    /\\\((?<formula>[\s\S]{1,4000}?)\\\)|\$(?=[^\s$])(?<dollars>(?:[^$\n\\]|\\[^\n])*?(?:[^\s$\\]|\\[^\s]))\$(?![\d$])/,
    /\\(?<escaped>[!-/:-@[-`{-~])/,
    /(?<ticks>`+)(?<code>[^`]|[^`][\s\S]*?[^`])\k<ticks>(?!`)/,
    /!?\[(?<label>[^\]\n]*)\]\((?<target>[^\s()]*(?:\([^\s()]*\)[^\s()]*)*)(?:\s+"[^"\n]*")?\)/,
    /\[(?<number>\d{1,3})\]/,
    /<(?<auto>https?:\/\/[^\s<>]+)>/,
    /(?<bare>https?:\/\/[^\s<>"']*[^\s<>"'.,;:!?)\]”’])/,
    /(?<strong>\*\*|__)(?=\S)(?<bold>[\s\S]*?\S)\k<strong>/,
    /~~(?=\S)(?<struck>[\s\S]*?\S)~~/,
    /(?<star>\*)(?=[^\s*])(?<leaning>(?:[^*]|\*\*[^*]+\*\*)*?[^\s*])\*(?!\*)/,
    /(?<![\w_])_(?=[^\s_])(?<under>[^_]*?[^\s_])_(?![\w_])/,
    /(?<br> {2,}\n|\\\n)/,
  ]
    .map((part) => part.source)
    .join("|"),
  "gu",
);
const ADDRESS = /^(?:https?:\/\/|mailto:)/i;
const DEPTH = 12;

/** Nodes of one line or paragraph. `cite(number)` gives the node of a mark, or null to leave it as text. */
export function inline(text, cite, depth = 0) {
  if (depth > DEPTH) return [text];
  const nodes = [];
  let from = 0;
  for (const match of text.matchAll(TOKEN)) {
    const node = nodeOf(match, cite, depth);
    if (node === null) continue;
    if (match.index > from) nodes.push(text.slice(from, match.index));
    nodes.push(...(Array.isArray(node) ? node : [node]));
    from = match.index + match[0].length;
  }
  if (from < text.length) nodes.push(text.slice(from));
  return nodes;
}

function nodeOf(match, cite, depth) {
  const part = match.groups;
  const deeper = (text) => inline(text, cite, depth + 1);
  if (part.shown ?? part.bracketed) return math(part.shown ?? part.bracketed, true) ?? h("code", {}, match[0]);
  if (part.formula ?? part.dollars) return part.formula ? (math(part.formula, false) ?? h("code", {}, match[0])) : (inDollars(part.dollars) ?? ["$", ...deeper(match[0].slice(1))]);
  if (part.escaped) return part.escaped;
  if (part.code !== undefined) return h("code", {}, part.code.replace(/^ (.*\S.*) $/s, "$1"));
  if (part.target !== undefined) return linked(part.target, match[0].startsWith("!") ? [part.label] : deeper(part.label));
  if (part.number) return cite(Number(part.number));
  if (part.auto || part.bare) return linked(part.auto ?? part.bare, [part.auto ?? part.bare]);
  if (part.bold) return h("strong", {}, ...deeper(part.bold));
  if (part.struck) return h("s", {}, ...deeper(part.struck));
  if (part.leaning ?? part.under) return h("em", {}, ...deeper(part.leaning ?? part.under));
  if (part.br) return h("br");
  return null;
}

/** A formula in dollars; null for what reads as none, or begins as an amount of money does. */
function inDollars(source) {
  if (/^\d[\d.,]*\s+\p{L}/u.test(source)) return null;
  return /[\\^_=<>+]|^\p{L}$|^\p{L}\(.*\)$/u.test(source) ? math(source, false) : null;
}

/**
 * Words, and the address they would lead to beside them, as text: a document may have told the model what to write, and
 * a link could carry what stands in other documents to somebody else's server. Images never load for the same reason.
 */
function linked(target, words) {
  const plain = words.length === 1 && words[0] === target;
  return plain || !ADDRESS.test(target) ? words : [...words, ` (${target})`];
}
