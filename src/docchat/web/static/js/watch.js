// Looking after files that were sent until each is read or refused: few requests, however many files there are.

import { get } from "./api.js";

const FIRST = 300;
const MOST = 2500;
const LOST_MOST = 15_000;
/** Documents are read in the order in which they came, so only the oldest are asked for. */
const AT_ONCE = 4;

const watched = new Set();
let running = false;

/** Watch an upload that has been sent: `upload.found(document)` is called with each change, with null when it is gone. */
export function watch(upload) {
  watched.add(upload);
  if (!running) look();
}

async function look() {
  running = true;
  let pause = FIRST;
  while (watched.size) {
    const { ended, error } = await turn();
    for (const upload of watched) upload.unsure(Boolean(error));
    if (!watched.size) break;
    pause = ended ? FIRST : Math.min(pause * (error ? 2 : 1.25), error ? LOST_MOST : MOST);
    // With a pile of files that are through already there is nothing to wait for.
    if (ended < AT_ONCE) await new Promise((resolve) => setTimeout(resolve, pause));
  }
  running = false;
}

/** Ask for some; how many are through, and the error of a server that does not answer. */
async function turn() {
  const before = watched.size;
  const errors = await Promise.all([...groups()].map(([path, uploads]) => ask(path, uploads)));
  for (const upload of watched) if (!upload.running) watched.delete(upload);
  return { ended: before - watched.size, error: errors.find(Boolean) };
}

/** Ask for a document, or for the attachments of a chat. */
async function ask(path, uploads) {
  try {
    const answer = await get(path);
    for (const upload of uploads) upload.found(answer.attachments ? (answer.attachments.find(({ id }) => id === upload.document.id) ?? null) : answer);
  } catch (error) {
    if (passing(error)) return error;
    for (const upload of uploads) error.status === 404 ? upload.found(null) : upload.lost(error);
  }
  return null;
}

/** What to ask for, and the uploads that it tells of. */
function groups() {
  const found = new Map();
  for (const upload of [...watched].filter(({ chat }) => !chat).slice(0, AT_ONCE)) found.set(`documents/${upload.document.id}`, [upload]);
  for (const upload of watched) if (upload.chat) found.set(upload.base, [...(found.get(upload.base) ?? []), upload]);
  return found;
}

/** A look that fails for want of a network says nothing about the document. */
function passing({ status }) {
  return status === 0 || status === 429 || status >= 500;
}
