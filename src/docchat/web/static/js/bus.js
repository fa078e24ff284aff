// Events between the elements of the page. One bus, so that no element knows another.
//
// open-chat {id, message}   new-chat {}                 chat {session | null}     chats-stale {}
// show-source {citation, opener}                        source-closed {}          files {files}
// documents-changed {}      notice {text, link, kind}   signed-out {}             signed-in {}
// gone {id, successor}: a chat was cleared somewhere    draft-drop {id}: forget what was typed there
// arrived {question}: it is in its chat, though sending it seemed to fail

/** Tell everybody. */
export function emit(name, detail = {}) {
  document.dispatchEvent(new CustomEvent(`docchat:${name}`, { detail }));
}

/** Listen; `handler` gets the detail. */
export function on(name, handler) {
  document.addEventListener(`docchat:${name}`, (event) => handler(event.detail));
}
