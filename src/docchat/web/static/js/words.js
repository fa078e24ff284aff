// Words for how far a file is read and for places in it, the same wherever they stand.

import { plural } from "./dom.js";
import { t } from "./i18n.js";

/** "Reading", with how many pages of a long document are there already, and of how many. */
export function readingWords(found) {
  const { pages = 0, of = null } = found?.progress ?? {};
  if (!pages) return t("Reading");
  return of ? t("Reading, page {page} of {count}", { page: pages, count: of }) : t("Reading, {pages} so far", { pages: plural(pages, "page") });
}

const NUMBERED = /^(Page|Slide|Message) (\d+)$/;

/** The name of a place in a document: what the server numbers is said in the page's language, all else is the document's. */
export function placeWords(label) {
  const [, kind, number] = NUMBERED.exec(label) ?? [];
  if (kind === "Page") return t("Page {number}", { number });
  if (kind === "Slide") return t("Slide {number}", { number });
  return kind ? t("Message {number}", { number }) : label;
}
