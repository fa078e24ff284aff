// What the next question is asked of: everything, or chosen collections, or chosen documents. Kept in memory only.

import { emit } from "./bus.js";
import { n } from "./i18n.js";

/** Documents that may be chosen for one question. */
export const MOST = 50;
const FRAGMENT = "#about=";

/** Either of the two is empty: a question is asked of collections or of documents. Items are {id, name}. */
const scope = { collections: [], documents: [] };

/** What is chosen, as {collections, documents} with their names. */
export function current() {
  return scope;
}

/** What is chosen, as fields of a question. */
export function chosen() {
  if (scope.documents.length) return { documents: scope.documents.map(({ id }) => id) };
  return scope.collections.length ? { collections: scope.collections.map(({ id }) => id) } : {};
}

/** What an earlier question was asked of, as fields of the next one. */
export function sameAs({ collections, documents }) {
  return { ...(collections ? { collections } : {}), ...(documents?.length ? { documents } : {}) };
}

/** Choose, or with nothing ask everything again. */
export function choose({ collections = [], documents = [] } = {}) {
  scope.documents = documents.slice(0, MOST).map(({ id, name }) => ({ id, name }));
  scope.collections = scope.documents.length ? [] : collections.map(({ id, name }) => ({ id, name }));
  emit("scope");
}

/** Take one out. */
export function leaveOut(id) {
  choose({ collections: scope.collections.filter((found) => found.id !== id), documents: scope.documents.filter((found) => found.id !== id) });
}

/** "2 documents", "1 collection"; nothing for everything. */
export function scopeWords({ collections, documents }) {
  if (documents?.length) return n(documents.length, "{count} document", "{count} documents");
  return collections ? n(collections.length, "{count} collection", "{count} collections") : "";
}

/** The end of an address that opens the chat with these documents chosen: ids only, and no server ever sees it. */
export function toFragment(documents) {
  return FRAGMENT + documents.map(({ id }) => id).join(",");
}

/** The ids that the address of this page brings. */
export function fromFragment() {
  if (!location.hash.startsWith(FRAGMENT)) return [];
  return location.hash.slice(FRAGMENT.length).split(",").filter(Boolean).slice(0, MOST);
}
