// Words for how far a file is read, the same wherever it stands.

import { plural } from "./dom.js";
import { t } from "./i18n.js";

/** "Reading", with how many pages of a long document are there already, and of how many. */
export function readingWords(found) {
  const { pages = 0, of = null } = found?.progress ?? {};
  if (!pages) return t("Reading");
  return of ? t("Reading, page {page} of {count}", { page: pages, count: of }) : t("Reading, {pages} so far", { pages: plural(pages, "page") });
}
