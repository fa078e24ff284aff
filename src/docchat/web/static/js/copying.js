// An answer as Markdown with its sources: each citation a numbered footnote with document, page and quote.

import { t } from "./i18n.js";

const SPECIAL = /[\\`*_[\]<>|#]/g;

function plain(text) {
  return text.replace(/\s+/g, " ").trim().replace(SPECIAL, "\\$&");
}

/** `citations` are as in a message; marks of others stay as they are. */
export function asMarkdown(text, citations) {
  const sources = new Map(citations.map((citation) => [citation.number, citation]));
  const body = text.replace(/\[(\d{1,3})\](?!\()/g, (mark, number) => (sources.has(Number(number)) ? `[^${number}]` : mark));
  const notes = [...sources.values()].sort((a, b) => a.number - b.number).map(note);
  return [body.trim(), ...(notes.length ? [notes.join("\n")] : [])].join("\n\n") + "\n";
}

function note({ number, name, label, quote, deleted }) {
  const where = [plain(name), label ? plain(label) : "", deleted ? t("source deleted") : ""].filter(Boolean).join(", ");
  return `[^${number}]: ${where}${quote ? `: “${plain(quote)}”` : ""}`;
}
