// <docchat-notices>: short lines at the foot of the page; the one about an ended sign-in stays until it is over.

import { emit, on } from "./bus.js";
import { context } from "./context.js";
import { h, iconButton } from "./dom.js";
import { t } from "./i18n.js";
import { receiptButton } from "./receipt.js";

const SECONDS = 7;
/** A notice that leads somewhere stays until somebody could have gone there. */
const LEADING = 20;

class Notices extends HTMLElement {
  #ended = null;

  connectedCallback() {
    on("notice", (detail) => this.#notice(detail));
    on("signed-out", () => this.#signedOut());
    on("signed-in", () => this.#signedIn());
  }

  #show(text, ...more) {
    const note = h("p", { class: "notice" }, h("span", {}, text), ...more);
    note.append(iconButton("close", t("Close this notice"), () => note.remove()));
    this.append(note);
    if (!more.length) setTimeout(() => note.remove(), SECONDS * 1000);
    return note;
  }

  #notice({ text, receipt }) {
    if (!receipt) return this.#show(text);
    const button = receiptButton(receipt);
    const note = this.#show(text, button);
    button.addEventListener("click", () => note.remove());
    setTimeout(() => note.remove(), Math.max(LEADING, context().undoSeconds) * 1000);
  }

  #signedOut() {
    if (this.#ended?.isConnected) return;
    const link = h("a", { href: context().login, target: "_blank", rel: "opener", "data-sign-in": "" }, t("Sign in again"));
    this.#ended = this.#show(t("Your sign-in has ended. This page and what you typed stay as they are."), link);
  }

  #signedIn() {
    this.#ended?.remove();
    this.#show(t("You are signed in again."));
    emit("chats-stale");
  }
}

customElements.define("docchat-notices", Notices);
