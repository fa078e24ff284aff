// The words of the page in its language. The key of a text is the English text itself.

/** The language of the page, for dates and numbers. */
export function locale() {
  return document.documentElement.lang || "en";
}

function filled(text, values) {
  return text.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
}

/** A text with its values: t("Remove {name}", { name }). */
export function t(text, values = {}) {
  return filled(text, values);
}

/** A text for a number of things: n(2, "{count} page", "{count} pages"). */
export function n(count, one, many, values = {}) {
  return filled(count === 1 ? one : many, { count: count.toLocaleString(locale()), ...values });
}
