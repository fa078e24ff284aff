// Words for how far a file is read, the same wherever it stands.

import { plural } from "./dom.js";

/** "Reading", with how many pages of a long document are there already, and of how many. */
export function readingWords(found) {
  const { pages = 0, of = null } = found?.progress ?? {};
  if (!pages) return "Reading";
  return of ? `Reading, page ${pages} of ${of}` : `Reading, ${plural(pages, "page")} so far`;
}
