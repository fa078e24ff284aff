// <docchat-side>: the side as an overlay on a narrow screen.

import { offer } from "./actions.js";
import { on } from "./bus.js";
import { t } from "./i18n.js";

const narrow = matchMedia("(width < 48rem)");

class Side extends HTMLElement {
  connectedCallback() {
    this.opener = document.querySelector("[data-side-open]");
    this.shade = document.querySelector("[data-shade]");
    this.opener.addEventListener("click", () => this.open());
    this.querySelector("[data-side-close]").addEventListener("click", () => this.close());
    this.shade.addEventListener("click", () => this.close());
    this.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && this.isOpen) {
        event.stopPropagation();
        this.close();
      }
    });
    narrow.addEventListener("change", () => this.close(false));
    on("open-chat", () => this.close(false));
    on("new-chat", () => this.close(false));
    on("side-wanted", () => narrow.matches && !this.isOpen && this.open());
    offer({ id: "chat.list", name: () => t("Show the list of chats"), when: () => narrow.matches && !this.isOpen, run: () => this.open() });
  }

  get isOpen() {
    return this.classList.contains("open");
  }

  open() {
    this.#set(true);
    this.querySelector("[data-side-close]").focus();
  }

  close(giveBack = true) {
    if (!this.isOpen) return;
    this.#set(false);
    if (giveBack) this.opener.focus();
  }

  #set(open) {
    this.classList.toggle("open", open);
    this.shade.hidden = !open;
    this.opener.setAttribute("aria-expanded", String(open));
    document.getElementById("content").inert = open;
  }
}

customElements.define("docchat-side", Side);
