// <docchat-help>: the sheet of all keys, by the part of the page they belong to.

import { keyNames, offer, offered, setSingleKeys, singleKeys } from "./actions.js";
import { h } from "./dom.js";
import { t } from "./i18n.js";

const GROUPS = new Map([
  ["page", () => t("Everywhere")],
  ["chat", () => t("Chat")],
  ["source", () => t("Source")],
  ["documents", () => t("Documents")],
  ["look", () => t("Look")],
]);

/** The group of an action: what stands before the dot of its id; what no group knows is done everywhere. */
const groupOf = ({ id }) => (GROUPS.has(id.split(".")[0]) ? id.split(".")[0] : "page");

class Help extends HTMLElement {
  connectedCallback() {
    this.dialog = this.querySelector("dialog");
    this.switch = this.querySelector("[name=single]");
    this.switch.addEventListener("change", () => setSingleKeys(this.switch.checked));
    this.querySelector("[data-close]").addEventListener("click", () => this.dialog.close());
    this.dialog.addEventListener("click", (event) => event.target === this.dialog && this.dialog.close());
    this.dialog.addEventListener("close", () => this.#list.replaceChildren());
    offer({ id: "page.help", name: () => t("All keys"), keys: "?", run: () => this.open() });
  }

  get #list() {
    return this.querySelector("[data-list]");
  }

  open() {
    const withKeys = offered().filter(({ keys }) => keys);
    const groups = [...GROUPS].map(([group, name]) => [name(), withKeys.filter((action) => groupOf(action) === group)]);
    this.#list.replaceChildren(...groups.filter(([, actions]) => actions.length).map(([name, actions]) => this.#group(name, actions)));
    this.switch.checked = singleKeys();
    this.dialog.showModal();
    this.querySelector("[data-close]").focus();
  }

  #group(name, actions) {
    const rows = actions.map(({ name, keys }) => [
      h("dt", { dir: "auto" }, name()),
      h("dd", { class: "keys", dir: "ltr" }, ...keyNames(keys).map((key) => h("kbd", {}, key))),
    ]);
    return h("section", { class: "help-group" }, h("h3", {}, name), h("dl", {}, ...rows.flat()));
  }
}

customElements.define("docchat-help", Help);
