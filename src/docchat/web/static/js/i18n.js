// The words of the page in its language. The key of a text is the English text itself. The texts of another language
// come by a module of their own (words/<language>.js), which the page loads before all others: so `t` knows them
// already while modules are loaded, and an English page loads nothing.

const words = new Map();
let rules = null;

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

/** A text for a number of things: n(2, "{count} page", "{count} pages"). Some languages have more than two forms. */
export function n(count, one, many, values = {}) {
  rules ??= new Intl.PluralRules(locale());
  const forms = words.get(one);
  const text = forms?.[rules.select(count)] ?? forms?.other ?? (typeof forms === "string" ? forms : count === 1 ? one : many);
  return filled(text, { count: count.toLocaleString(locale()), ...values });
}
