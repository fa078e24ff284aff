// Events between the elements of the page. One bus, so that no element knows another.
//
// open-chat {id, message}   new-chat {}                 chat {session | null}     chats-stale {}
// show-source {citation, opener}                        source-closed {}          files {files}
// attachments-changed {}: of the open chat
// documents-changed {}      notice {text, receipt}      signed-out {}             signed-in {}
// source-deleted {document}: a document or attachment is no longer there
// scope {}: what is asked was chosen anew               scope-doubt {}: something of it may be gone
// collection-shown {}: another one on the documents page  document-opened {document}: with its password
// gone {id, successor}: a chat was cleared somewhere    draft-drop {id}: forget what was typed there
// emptied {}: what was said in some chat is gone, so nothing may go on quoting it
// cut {id, successor}: an answer ended because its chat was cleared, or the history of it
// changed {id | null}: another tab changed this chat, or any    undone {session | null}: a clear was taken back
// `home` in an event names the small chat beside a document that it belongs to, see home.js; without it the page's.
// section-chat {session, home}: a small chat was opened or is not what it was    section-cleared {id, successor}, section-closed {}
// marked {session}: title, pin or archive of a chat were changed        side-wanted {}: something in the list of chats is asked for
// draft {id, text}: what the server keeps of a question that was begun
// clear-many {}    many-cleared {receipt}    history-cleared-here, memory-cleared-here {id, ...}
// ask {question, within, home}: a question that was offered       how {}: another way to answer was chosen
// replaced {id, count}: so many messages has the chat now
// arrived {question}: it is in its chat, though sending it seemed to fail
// call-began {call}, call-ended {call, reached}: a request to the server and whether it got there; null when it was given up
// reached {}: the server answers again after it did not

/** Tell everybody. */
export function emit(name, detail = {}) {
  document.dispatchEvent(new CustomEvent(`docchat:${name}`, { detail }));
}

/** Listen; `handler` gets the detail. */
export function on(name, handler) {
  document.addEventListener(`docchat:${name}`, (event) => handler(event.detail));
}
