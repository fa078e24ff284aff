// Words for how far a file is read, the same wherever it stands.

import { plural } from "./dom.js";

/** "Reading", with the pages of a long document that are there already. */
export function readingWords(found) {
  return found?.pages ? `Reading, ${plural(found.pages, "page")} so far` : "Reading";
}
