// On a phone the source takes the place of the chat: the browser's "back" leads from it to the chat.

export class WayBack {
  #narrow;
  #close;
  #away = false;
  #returning = false;

  /** `narrow` tells whether one hides the other; `close()` is called when somebody goes back. */
  constructor(narrow, close) {
    this.#narrow = narrow;
    this.#close = close;
    // Before whoever opens chats by the address: this step belongs to no other chat.
    addEventListener("popstate", (event) => this.#popped(event), true);
  }

  /** The source is opened: one step, however many citations are looked at. */
  leave() {
    if (this.#away || !this.#narrow.matches) return;
    this.#away = true;
    history.pushState({ ...history.state, source: true }, "");
  }

  /** It was closed by hand: the step is taken back. */
  arrive() {
    if (!this.#away) return;
    this.#away = false;
    if (!history.state?.source) return;
    this.#returning = true;
    history.back();
  }

  #popped(event) {
    if (this.#returning) {
      this.#returning = false;
      event.stopImmediatePropagation();
    } else if (this.#away) {
      this.#away = false;
      event.stopImmediatePropagation();
      this.#close();
    }
  }
}
