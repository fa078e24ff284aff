// What was typed and not sent, one draft a chat: in memory while the page lives, and sealed at the server with its chat.

import { put } from "./api.js";

/** A draft is sent to the server when nobody has typed for so long. */
export const PAUSE = 700;
/** What was typed here lately is newer than what a request of before brings. */
const FRESH = 10_000;

export class Drafts {
  #texts = new Map();
  #saved = new Map();
  #changed = new Map();
  #waiting = new Map();
  #saving = new Map();

  constructor() {
    // The last words before a page is left; a phone may never come back to it.
    addEventListener("pagehide", () => this.#saveAll());
    document.addEventListener("visibilitychange", () => document.visibilityState === "hidden" && this.#saveAll());
  }

  /** Whether anything is known of this chat; "" stands for the place of a new one. */
  has(id) {
    return this.#texts.has(id);
  }

  get(id) {
    return this.#texts.get(id) ?? "";
  }

  /** What stands in the box of a chat now. */
  set(id, text) {
    this.#texts.set(id, text);
    if (!id) return;
    this.#changed.set(id, performance.now());
    clearTimeout(this.#waiting.get(id));
    this.#waiting.set(id, setTimeout(() => this.save(id), PAUSE));
  }

  /** What the server has, as a chat was loaded; says whether that is what the box should show. */
  learn(id, text) {
    if (performance.now() - (this.#changed.get(id) ?? -FRESH) < FRESH) return false;
    const own = this.#texts.get(id);
    const unsaved = own !== undefined && own !== (this.#saved.get(id) ?? "");
    this.#saved.set(id, text);
    if (unsaved || own === text) return false;
    this.#texts.set(id, text);
    return true;
  }

  /** The chat was cleared: nothing of it stays, and nothing goes out any more. */
  forget(id) {
    clearTimeout(this.#waiting.get(id));
    for (const kept of [this.#texts, this.#saved, this.#changed, this.#waiting]) kept.delete(id);
  }

  /** Send it now, after what is on its way. */
  save(id, { keepalive = false } = {}) {
    clearTimeout(this.#waiting.get(id));
    this.#waiting.delete(id);
    const before = this.#saving.get(id) ?? Promise.resolve();
    const now = keepalive ? this.#send(id, keepalive) : before.then(() => this.#send(id, keepalive));
    this.#saving.set(id, now);
    return now;
  }

  async #send(id, keepalive) {
    const text = this.#texts.get(id);
    const before = this.#saved.get(id) ?? "";
    if (text === undefined || text.trim() === before.trim()) return;
    this.#saved.set(id, text);
    try {
      await put(`sessions/${id}/draft`, { text: text.trim() ? text : "" }, { keepalive });
    } catch {
      // It is still in the box; the next change tries again.
      if (this.#saved.get(id) === text) this.#saved.set(id, before);
    }
  }

  #saveAll() {
    for (const id of [...this.#waiting.keys()]) this.save(id, { keepalive: true });
  }
}
