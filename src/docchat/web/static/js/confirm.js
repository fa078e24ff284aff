// <docchat-confirm>: one dialogue for everything that cannot be undone. It stays open, with the reason, when the act fails.

import { locale, t } from "./i18n.js";

class Confirm extends HTMLElement {
  #busy = false;
  #settle = null;
  #plan = null;

  connectedCallback() {
    const dialog = this.#dialog;
    this.#part("cancel").addEventListener("click", () => this.#close(null));
    this.#part("go").addEventListener("click", () => this.#go());
    dialog.addEventListener("cancel", (event) => {
      event.preventDefault();
      this.#close(null);
    });
    dialog.addEventListener("click", (event) => event.target === dialog && this.#close(null));
  }

  /**
   * Ask. `run(say)` does the act, and may `say(done, of)` how far it is; `explain(error)` turns its failure into words or nodes.
   * Resolves to what `run` gave, or null when the person decided otherwise.
   */
  ask({ title, text, action, run, explain }) {
    this.#plan = { run, explain, action };
    this.#part("title").textContent = title;
    this.#part("text").replaceChildren(...text);
    this.#part("go").textContent = action;
    this.#part("cancel").textContent = t("Cancel");
    this.#part("problem").hidden = true;
    this.#say(null);
    this.#dialog.showModal();
    this.#part("cancel").focus();
    return new Promise((resolve) => {
      this.#settle = resolve;
    });
  }

  get #dialog() {
    return this.querySelector("dialog");
  }

  #part(name) {
    return this.querySelector(`[data-${name}]`);
  }

  #work(busy) {
    this.#busy = busy;
    this.#part("go").disabled = busy;
    this.#part("cancel").disabled = busy;
    this.#dialog.setAttribute("aria-busy", String(busy));
  }

  #say(done, of) {
    this.#part("progress").hidden = done === null;
    if (done === null) return;
    this.#part("bar").max = of;
    this.#part("bar").value = done;
    this.#part("far").textContent = t("{done} of {total}", { done: done.toLocaleString(locale()), total: of.toLocaleString(locale()) });
  }

  async #go() {
    this.#work(true);
    this.#part("problem").hidden = true;
    this.#part("go").textContent = t("Working…");
    try {
      const result = await this.#plan.run((done, of) => this.#say(done, of));
      this.#work(false);
      this.#close(result ?? true);
    } catch (error) {
      this.#work(false);
      this.#say(null);
      const words = this.#plan.explain(error);
      this.#part("problem").replaceChildren(...[words].flat());
      this.#part("problem").hidden = false;
      this.#part("go").textContent = t("Try again");
      this.#part("cancel").textContent = t("Close");
      this.#part("go").focus();
    }
  }

  #close(result) {
    if (this.#busy) return;
    this.#dialog.close();
    // Words about a chat do not outlive it in a dialogue that nobody sees.
    this.#part("text").replaceChildren();
    this.#settle?.(result);
    this.#settle = null;
  }
}

customElements.define("docchat-confirm", Confirm);

/** Ask before an act; see Confirm.ask. */
export function confirm(plan) {
  return document.querySelector("docchat-confirm").ask(plan);
}
