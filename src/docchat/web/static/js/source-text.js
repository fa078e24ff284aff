// The text of a page as it is read: headings stand out, rows are a table, a mail has its head; the quoted range is marked.
// Whatever is drawn, the text of the element is the text of the page: what is selected in it has its place there.

import { cut, h, points } from "./dom.js";

const WINDOW = 60_000;
/** Cells are dearer than words. */
const TABLE_WINDOW = 30_000;
const TABLE = /\.(csv|tsv|xlsx|xls|xlsb|ods)$/i;
const MAIL = /\.(eml|msg|mbox)$/i;
const HEAD = /^(From|To|Cc|Date): /;
const HEAD_LINES = 8;
const GAP = / \|(?: (?!\|))?/g;
const NUMBER = /^[-+−(]*[$€£¥]?\s?\d[\d\s.,']*\s?[%€$£¥)]*$/;

/**
 * The element of a page's visible `text`, in which `range` ([start, end] or null) is marked; offsets are code points.
 * `headings` are [start, level] of lines. Gives {body, from, cut}: `from` is where the text in it begins, `cut` whether
 * some of a long page is left out.
 */
export function drawText(text, { name, range, headings }) {
  const rows = TABLE.test(name);
  const part = around(text, rows ? TABLE_WINDOW : WINDOW, range);
  const units = (offset) => cut(part.text, Math.max(0, offset - part.from))[0].length;
  const painter = new Painter(part.text, range ? [units(range[0]), units(range[1])] : null);
  const levels = new Map(headings.filter(([start]) => start >= part.from).map(([start, level]) => [units(start), level]));
  const kind = rows ? "rows" : MAIL.test(name) ? "mail" : "text";
  const body = h("div", { class: rows ? "rows" : null, dir: "auto", dataset: { from: String(part.from) } }, ...blocksOf(part.text, kind, levels).map((block) => draw(block, painter)).flat());
  body.querySelector("mark")?.setAttribute("tabindex", "-1");
  return { body, from: part.from, cut: part.cut };
}

/** Whole lines around the range, when a page is too long to be drawn as a whole. */
function around(text, room, range) {
  const total = points(text);
  if (total <= 2 * room) return { text, from: 0, cut: false };
  const [before, rest] = cut(text, Math.max(0, (range?.[0] ?? 0) - room));
  const line = before.lastIndexOf("\n") + 1;
  const [shown] = cut(before.slice(line) + rest, 2 * room);
  return { text: shown, from: points(before.slice(0, line)), cut: true };
}

/** Nodes of a piece of the text, marked as far as the range reaches. */
class Painter {
  constructor(text, range) {
    this.text = text;
    this.range = range;
  }

  /** Whether something of it is marked. */
  touches(from, to) {
    return this.range !== null && from < this.range[1] && to > this.range[0];
  }

  paint(from, to) {
    if (!this.touches(from, to) || !this.text.slice(from, to).trim()) return from < to ? [this.text.slice(from, to)] : [];
    const start = Math.max(from, this.range[0]);
    const end = Math.min(to, this.range[1]);
    return [this.text.slice(from, start), h("mark", {}, this.text.slice(start, end)), this.text.slice(end, to)].filter((piece) => piece !== "");
  }
}

function blocksOf(text, kind, levels) {
  const lines = [];
  let at = 0;
  for (const line of text.split("\n")) {
    lines.push({ kind: "text", line, from: at, end: at + line.length, to: Math.min(text.length, at + line.length + 1) });
    at += line.length + 1;
  }
  lines.forEach((line, index) => {
    line.kind = kindOf(lines, index, kind, levels);
    line.level = levels.get(line.from);
  });
  const blocks = [];
  for (const line of lines) {
    const last = blocks.at(-1);
    if (last && last.kind === line.kind && line.kind !== "heading") {
      last.lines.push(line);
      last.to = line.to;
    } else {
      blocks.push({ kind: line.kind, level: line.level, from: line.from, to: line.to, lines: [line] });
    }
  }
  return blocks;
}

function kindOf(lines, index, kind, levels) {
  const { line, from } = lines[index];
  if (kind === "rows") return "rows";
  if (kind === "mail" && index < HEAD_LINES && HEAD.test(line)) return "head";
  if (levels.has(from)) return "heading";
  const row = (other) => lines[other]?.line.includes(" |") ?? false;
  return row(index) && (row(index - 1) || row(index + 1)) ? "rows" : "text";
}

function draw({ kind, level, from, to, lines }, painter) {
  if (kind === "heading") return [h("h3", { class: `page-heading deep-${level}` }, ...painter.paint(from, to))];
  if (kind === "head") return [h("div", { class: "mail-head" }, ...lines.map((line) => headLine(line, painter)))];
  if (kind === "rows") return [table(lines, painter)];
  return painter.paint(from, to);
}

function headLine({ line, from, to }, painter) {
  const name = from + line.indexOf(":") + 1;
  return h("div", {}, h("b", {}, ...painter.paint(from, name)), ...painter.paint(name, to));
}

function cellsOf({ line, from, end, to }) {
  const cells = [];
  let start = from;
  for (const gap of line.matchAll(GAP)) {
    cells.push({ from: start, end: from + gap.index, to: from + gap.index + gap[0].length });
    start = cells.at(-1).to;
  }
  return [...cells, { from: start, end, to }];
}

function table(lines, painter) {
  const rows = lines.map(cellsOf);
  const text = ({ from, end }) => painter.text.slice(from, end).trim();
  const named = rows.length > 1 && rows[0].length > 1 && rows[0].every((cell) => text(cell) && !NUMBER.test(text(cell)));
  const row = (cells, tag, line) => {
    const attributes = (cell) => ({ class: tag === "td" && NUMBER.test(text(cell)) ? "number" : null, scope: tag === "th" ? "col" : null });
    // What parts the cells is not seen, but it is a part of the text.
    const nodes = cells.map((cell) => h(tag, attributes(cell), ...painter.paint(cell.from, cell.end), cell.end < cell.to ? h("span", { hidden: true }, painter.text.slice(cell.end, cell.to)) : null));
    return h("tr", { class: painter.touches(line.from, line.end) ? "marked" : null }, ...nodes);
  };
  const head = named ? h("thead", {}, row(rows[0], "th", lines[0])) : null;
  const body = h("tbody", {}, ...rows.slice(named ? 1 : 0).map((cells, index) => row(cells, "td", lines[index + (named ? 1 : 0)])));
  return h("div", { class: "page-table" }, h("table", {}, head, body));
}
