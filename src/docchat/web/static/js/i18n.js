// The words of the page in its language. The key of a text is the English text itself. The texts of another language
// come by a module of their own (words/<language>.js), which the page loads before all others: so `t` knows them
// already while modules are loaded, and an English page loads nothing.

const PLACE = /\{\w+\}/g;
const words = new Map();
let rules = null;
let patterns = null;

/** The language of the page, for dates and numbers. */
export function locale() {
  return document.documentElement.lang || "en";
}

/** Take the texts of the page's language: {key: text or {plural category: text}}. */
export function learn(texts) {
  for (const [key, text] of Object.entries(texts)) words.set(key, text);
}

function filled(text, values) {
  return text.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
}

/** A text with its values: t("Remove {name}", { name }). */
export function t(text, values = {}) {
  const found = words.get(text);
  return filled(typeof found === "string" ? found : text, values);
}

/** What the server once said in English and keeps, such as why a file could not be read, in the language of the page. */
export function told(message) {
  if (!message || !words.size) return message;
  const sentences = message.split(/(?<=[.!?]) (?=[A-Z])/);
  const said = [];
  while (sentences.length) {
    let size = sentences.length;
    let text = null;
    // As many of them together as one text has.
    while (size && (text = known(sentences.slice(0, size).join(" "))) === null) size -= 1;
    said.push(text ?? sentences[0]);
    sentences.splice(0, size || 1);
  }
  return said.join(" ");
}

/** A text with its values in it; null where nobody has translated it. */
function known(message) {
  const found = words.get(message);
  if (typeof found === "string") return found;
  patterns ??= [...words].filter(([key, text]) => typeof text === "string" && isSentence(key)).map(([key, text]) => [pattern(key), text]);
  for (const [form, text] of patterns) {
    const values = form.exec(message)?.groups;
    if (values) return filled(text, values);
  }
  return null;
}

/** Whether a text is a whole sentence with values in it, none of them twice. */
function isSentence(key) {
  const places = key.match(PLACE) ?? [];
  return places.length > 0 && !key.startsWith("{") && key.endsWith(".") && new Set(places).size === places.length;
}

const pattern = (key) => new RegExp(`^${key.replace(/[.*+?^$()|[\]\\]/g, "\\$&").replace(/\{(\w+)\}/g, "(?<$1>.+?)")}$`, "s");

/** A text for a number of things: n(2, "{count} page", "{count} pages"). Some languages have more than two forms. */
export function n(count, one, many, values = {}) {
  rules ??= new Intl.PluralRules(locale());
  const forms = words.get(one);
  const text = forms?.[rules.select(count)] ?? forms?.other ?? (typeof forms === "string" ? forms : count === 1 ? one : many);
  return filled(text, { count: count.toLocaleString(locale()), ...values });
}
