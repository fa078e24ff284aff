// Small helpers: making elements, showing sizes and times, counting characters as the server does.

import { context } from "./context.js";
import { locale, n, t } from "./i18n.js";

/** An element with properties (`class`, `dataset`, `on...`, attributes) and children; strings become text nodes. */
export function h(tag, properties = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "class") node.className = value;
    else if (name === "dataset") Object.assign(node.dataset, value);
    else if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

const SVG = "http://www.w3.org/2000/svg";

/** An SVG element with attributes. */
export function svg(tag, attributes = {}, ...children) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

/** One icon of the sprite. */
export function icon(name) {
  return svg(
    "svg",
    { class: "icon", "aria-hidden": "true", focusable: "false" },
    svg("use", { href: `${context().icons}#${name}` }),
  );
}

/** A button of an icon with a name for everybody. */
export function iconButton(name, label, onclick) {
  return h("button", { type: "button", class: "quiet", title: label, onclick }, icon(name), h("span", { class: "sr" }, label));
}

/** "1 page", "3 pages", in words of the page's language. */
export function plural(count, one, many = `${one}s`) {
  return n(count, `{count} ${one}`, `{count} ${many}`);
}

/** A size in bytes for people. */
export function bytes(size) {
  if (size < 1024) return plural(size, "byte");
  const units = [(number) => t("{number} KB", { number }), (number) => t("{number} MB", { number }), (number) => t("{number} GB", { number })];
  let value = size / 1024;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  const digits = value < 10 ? 1 : 0;
  const shown = value.toLocaleString(locale(), { minimumFractionDigits: digits, maximumFractionDigits: digits, useGrouping: false });
  return units[unit](shown);
}

const PARTS = { pdf: "page", pptx: "slide", ppt: "slide", odp: "slide", xlsx: "sheet", xls: "sheet", ods: "sheet" };

/** "16 pages", "2 sheets"; nothing where a document flows in one piece. */
export function pagesOf({ name, pages }) {
  const word = PARTS[name.split(".").at(-1).toLowerCase()];
  if (word) return plural(pages, word);
  return pages > 1 ? plural(pages, "part") : null;
}

/** A time of day, or a date when it was another day. */
export function when(iso) {
  const date = new Date(iso);
  const today = new Date().toDateString() === date.toDateString();
  return date.toLocaleString(locale() === "en" ? "en-GB" : locale(), today ? { timeStyle: "short" } : { dateStyle: "medium" });
}

/**
 * Cut text at offsets that count code points, as Python does (a JavaScript string counts UTF-16 units).
 * Returns the pieces between the offsets: cut("abc", 1, 2) is ["a", "b", "c"].
 */
export function cut(text, ...offsets) {
  const pieces = [];
  let unit = 0;
  let point = 0;
  let from = 0;
  for (const offset of offsets) {
    while (point < offset && unit < text.length) {
      unit += text.codePointAt(unit) > 0xffff ? 2 : 1;
      point += 1;
    }
    pieces.push(text.slice(from, unit));
    from = unit;
  }
  pieces.push(text.slice(from));
  return pieces;
}

/** Number of code points. */
export function points(text) {
  let count = 0;
  for (const _ of text) count += 1;
  return count;
}

/** Text with some ranges of code points marked: a list of nodes. */
export function marked(text, ranges) {
  const sorted = [...ranges].sort((a, b) => a[0] - b[0]);
  const pieces = cut(text, ...sorted.flat());
  return pieces.map((piece, index) => (index % 2 ? h("mark", {}, piece) : piece)).filter((piece) => piece !== "");
}
