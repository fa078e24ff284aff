// The one function that shows text of an answer: Markdown to DOM nodes. Nothing of the text is ever parsed as HTML.

import { emit } from "./bus.js";
import { h, iconButton } from "./dom.js";
import { t } from "./i18n.js";
import { inline } from "./inline.js";

const FENCE = /^ {0,3}(`{3,}|~{3,})\s*([\w+#.-]*)[^`]*$/;
const HEADING = /^ {0,3}(#{1,6})\s+(.*?)\s*#*\s*$/;
const RULE = /^ {0,3}([-*_])(?:\s*\1){2,}\s*$/;
const QUOTE = /^ {0,3}> ?/;
const ITEM = /^( *)([-*+]|\d{1,9}[.)])(?:\s+|$)(.*)$/;
const DELIMITER = /^ *\|?(?: *:?-+:? *\|)+ *:?-*:? *\|? *$|^ *\|? *:?-+:? *\| *$/;
const FORMULA = /^ {0,3}(\$\$|\\\[)/;
const DEPTH = 8;

/**
 * Put `text` into `target`. Blocks that did not change since the last call stay as they are,
 * so a growing answer keeps its selection and does not flicker.
 */
export function showMarkdown(target, text, cite) {
  const blocks = split(text.replace(/\r\n?/g, "\n").split("\n"));
  const shown = target.docchatBlocks ?? [];
  let same = 0;
  while (same < blocks.length && same < shown.length && blocks[same] === shown[same]) same += 1;
  while (target.childNodes.length > same) target.lastChild.remove();
  for (const block of blocks.slice(same)) target.append(render(block.split("\n"), cite, 0));
  target.docchatBlocks = blocks;
}

/** Show everything again, for marks that now lead somewhere. */
export function forgetMarkdown(target) {
  target.docchatBlocks = [];
  target.replaceChildren();
}

/** Sources of the top-level blocks. */
function split(lines) {
  const blocks = [];
  let at = 0;
  while (at < lines.length) {
    if (lines[at].trim() === "") {
      at += 1;
      continue;
    }
    const end = endOf(lines, at);
    blocks.push(lines.slice(at, end).join("\n").trimEnd());
    at = end;
  }
  return blocks;
}

function endOf(lines, start) {
  const line = lines[start];
  const fence = FENCE.exec(line);
  if (fence) {
    const close = new RegExp(`^ {0,3}\\${fence[1][0]}{${fence[1].length},}\\s*$`);
    const end = lines.findIndex((other, index) => index > start && close.test(other));
    return end < 0 ? lines.length : end + 1;
  }
  const formula = FORMULA.exec(line);
  if (formula) return endOfFormula(lines, start, formula[1]);
  if (HEADING.test(line) || RULE.test(line)) return start + 1;
  if (QUOTE.test(line)) return until(lines, start, (other) => !QUOTE.test(other) && (other.trim() === "" || starts(other)));
  if (ITEM.test(line)) return endOfList(lines, start);
  if (isTable(lines, start)) return until(lines, start + 1, (other) => !other.includes("|"));
  return until(lines, start, (other) => other.trim() === "" || starts(other));
}

/** Blank lines may stand in a formula; one that has no end yet is a paragraph. */
function endOfFormula(lines, start, opener) {
  const close = opener === "$$" ? /\$\$/ : /\\\]/;
  const end = lines.findIndex((line, at) => at >= start && close.test(at === start ? line.replace(FORMULA, "") : line));
  return end < 0 ? until(lines, start, (other) => other.trim() === "") : end + 1;
}

function until(lines, start, stop) {
  let end = start + 1;
  while (end < lines.length && !stop(lines[end])) end += 1;
  return end;
}

const starts = (line) => [FORMULA, FENCE, HEADING, RULE, QUOTE].some((form) => form.test(line)) || /^ {0,3}([-*+]|1[.)])\s+\S/.test(line);
const isTable = (lines, at) => lines[at].includes("|") && DELIMITER.test(lines[at + 1] ?? "");

function endOfList(lines, start) {
  let end = start + 1;
  while (end < lines.length) {
    const line = lines[end];
    const goesOn = ITEM.test(line) ? !RULE.test(line) : /^ {2,}\S/.test(line);
    if (line.trim() === "") {
      const next = lines.slice(end).findIndex((other) => other.trim() !== "");
      if (next < 0 || !(ITEM.test(lines[end + next]) || /^ {2,}\S/.test(lines[end + next]))) return end;
      end += next;
    } else if (goesOn || !starts(line)) {
      end += 1;
    } else {
      return end;
    }
  }
  return end;
}

function render(lines, cite, depth) {
  const first = lines[0];
  const fence = FENCE.exec(first);
  if (fence) return code(lines, fence);
  const heading = HEADING.exec(first);
  if (heading) return h(`h${Math.min(heading[1].length + 2, 6)}`, {}, ...inline(heading[2], cite));
  if (RULE.test(first)) return h("hr");
  if (depth < DEPTH && QUOTE.test(first)) return h("blockquote", {}, ...inside(lines.map((line) => line.replace(QUOTE, "")), cite, depth));
  if (depth < DEPTH && ITEM.test(first)) return list(lines, cite, depth);
  if (isTable(lines, 0)) return table(lines, cite);
  return h("p", { dir: "auto" }, ...inline(lines.join("\n").trim(), cite));
}

function inside(lines, cite, depth) {
  return split(lines).map((block) => render(block.split("\n"), cite, depth + 1));
}

function code(lines, fence) {
  const closed = lines.length > 1 && lines.at(-1).trim().startsWith(fence[1]);
  const source = lines.slice(1, closed ? -1 : undefined).join("\n");
  const copy = iconButton("copy", t("Copy this code"), () => copyCode(source));
  return h("div", { class: "code" }, h("pre", { tabindex: "0" }, h("code", { dataset: { language: fence[2] } }, source)), copy);
}

async function copyCode(source) {
  try {
    await navigator.clipboard.writeText(source);
    emit("notice", { text: t("Copied.") });
  } catch {
    emit("notice", { text: t("The browser did not allow copying.") });
  }
}

function list(lines, cite, depth) {
  const [, indent, marker] = ITEM.exec(lines[0]);
  const items = [];
  for (const line of lines) {
    const item = ITEM.exec(line);
    if (item && item[1].length <= indent.length + 1) items.push([item[3]]);
    else items.at(-1).push(line.replace(/^ {1,4}/, ""));
  }
  const number = Number.parseInt(marker, 10);
  const ordered = !Number.isNaN(number);
  const attributes = ordered && number !== 1 ? { start: number } : {};
  return h(ordered ? "ol" : "ul", attributes, ...items.map((item) => listItem(item, cite, depth)));
}

/** A tight item holds its words without a paragraph around them. */
function listItem(lines, cite, depth) {
  const nodes = inside(lines, cite, depth).flatMap((node) => (node.tagName === "P" && !lines.includes("") ? [...node.childNodes] : [node]));
  return h("li", { dir: "auto" }, ...nodes);
}

function cells(line) {
  const inner = line.trim().replace(/^\|/, "").replace(/(?<!\\)\|$/, "");
  return inner.split(/(?<!\\)\|/).map((cell) => cell.trim().replaceAll("\\|", "|"));
}

function table(lines, cite) {
  const sides = cells(lines[1]).map((cell) => (cell.endsWith(":") ? (cell.startsWith(":") ? "at-center" : "at-right") : null));
  const row = (line, tag) => h("tr", {}, ...cells(line).slice(0, sides.length).map((cell, index) => h(tag, { class: sides[index] }, ...inline(cell, cite))));
  const head = h("thead", {}, row(lines[0], "th"));
  const body = h("tbody", {}, ...lines.slice(2).map((line) => row(line, "td")));
  return h("div", { class: "table", tabindex: "0", role: "region", "aria-label": t("Table") }, h("table", {}, head, body));
}
