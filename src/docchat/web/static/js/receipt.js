// <docchat-receipt>: what a clear removed, as a dialogue; how far it is, and its undo while there is time for it.

import { get, request } from "./api.js";
import { emit } from "./bus.js";
import { context } from "./context.js";
import { h, when } from "./dom.js";
import { n, t } from "./i18n.js";
import { tellChanged } from "./identity.js";

const LOOK = 1000;
const ACTIONS = {
  clear: t("A chat was cleared"),
  delete: t("A chat was deleted"),
  history: t("The history of a chat was cleared"),
  memory: t("The model's memory of a chat was cleared"),
  bulk: t("Many chats were cleared"),
  expire: t("A chat reached its age and was deleted"),
  document: t("A document was deleted"),
  erase: t("Everything of yours was erased"),
};
const FIRST = ["sessions", "messages", "titles"];
const KINDS = {
  sessions: (count) => n(count, "{count} chat", "{count} chats"),
  messages: (count) => n(count, "{count} message", "{count} messages"),
  messages_forgotten: (count) => n(count, "{count} message", "{count} messages"),
  titles: (count) => n(count, "{count} title", "{count} titles"),
  running_answers: (count) => n(count, "{count} running answer", "{count} running answers"),
  drafts: (count) => n(count, "{count} draft", "{count} drafts"),
  attachments: (count) => n(count, "{count} attachment", "{count} attachments"),
  documents: (count) => n(count, "{count} document", "{count} documents"),
  originals: (count) => n(count, "{count} original", "{count} originals"),
  pages: (count) => n(count, "{count} page", "{count} pages"),
  passages: (count) => n(count, "{count} passage", "{count} passages"),
  collections: (count) => n(count, "{count} collection", "{count} collections"),
};

/** A receipt by its id; while it can be undone it knows how long yet, by the clock of the server. */
export async function readReceipt(id) {
  const response = await request("GET", `receipts/${id}`);
  const receipt = await response.json();
  const now = Date.parse(response.headers.get("Date") ?? "") || Date.now();
  const left = receipt.undo_until ? Date.parse(receipt.undo_until) - now : 0;
  return { ...receipt, ends: performance.now() + left };
}

/** What went, in one line: "2 messages, 1 title". */
export function countsOf({ counts }) {
  const kinds = [...new Set([...FIRST, ...Object.keys(counts)])];
  const parts = kinds.map((kind) => [kind, counts[kind] ?? 0]).filter(([, count]) => count > 0);
  return parts.map(([kind, count]) => KINDS[kind]?.(count) ?? `${count} ${kind.replaceAll("_", " ")}`).join(", ");
}

/** How far a clear is, in words. */
function stateOf(receipt) {
  if (receipt.state === "running") return t("Still going on. What it has not reached yet can be read until then.");
  if (receipt.state === "pending") return t("Nobody can read it. It can be undone until the keys are destroyed.");
  if (receipt.state === "undone") return t("Taken back: everything is there again.");
  if (receipt.action === "memory") return t("Done. Nothing was deleted.");
  return receipt.action === "document" ? t("Done.") : t("Done: the keys are destroyed.");
}

function secondsLeft(receipt) {
  return receipt.state === "pending" && receipt.ends ? Math.max(0, Math.floor((receipt.ends - performance.now()) / 1000)) : 0;
}

/** A button that takes a clear back and counts the seconds left for it; null when there is no time. `failed` gets the words. */
export function undoButton(receipt, failed) {
  if (!secondsLeft(receipt)) return null;
  const button = h("button", { type: "button", class: "button small", dataset: { undo: "" } });
  const tick = () => {
    const left = secondsLeft(receipt);
    button.textContent = t("Undo ({seconds} s)", { seconds: left });
    if (left && (button.isConnected || !timer)) return;
    clearInterval(timer);
    button.remove();
  };
  let timer = 0;
  tick();
  timer = setInterval(tick, LOOK);
  button.addEventListener("click", () => undo(receipt, button, failed));
  return button;
}

async function undo(receipt, button, failed) {
  button.disabled = true;
  try {
    const response = await request("POST", `receipts/${receipt.id}/undo`, { body: {} });
    const { session } = await response.json();
    element().close();
    tellChanged(session);
    emit("undone", { session });
    emit("notice", { text: t("The clear was taken back.") });
  } catch (error) {
    button.disabled = false;
    failed(t("{reason} Nothing was taken back.", { reason: error.message }));
  }
}

/** A button that opens the receipt. */
export function receiptButton(id) {
  return h("button", { type: "button", class: "button small", dataset: { receipt: id }, onclick: () => showReceipt(id) }, t("Receipt"));
}

/** Open the receipt of this id. */
export function showReceipt(id) {
  element().open(id);
}

function element() {
  return document.querySelector("docchat-receipt");
}

class Receipt extends HTMLElement {
  #id = null;
  #receipt = null;
  #timer = 0;

  connectedCallback() {
    this.#part("close").addEventListener("click", () => this.close());
    this.#part("copy").addEventListener("click", () => this.#copy());
    this.#part("save").addEventListener("click", () => this.#save());
    this.#dialog.addEventListener("close", () => this.#closed());
    this.#dialog.addEventListener("click", (event) => event.target === this.#dialog && this.close());
  }

  open(id) {
    this.#closed();
    this.#id = id;
    this.#part("facts").replaceChildren();
    this.#part("undo").replaceChildren();
    this.#problem(null);
    if (!this.#dialog.open) this.#dialog.showModal();
    this.#part("close").focus();
    this.#load();
  }

  close() {
    this.#dialog.close();
  }

  get #dialog() {
    return this.querySelector("dialog");
  }

  #part(name) {
    return this.querySelector(`[data-${name}]`);
  }

  #closed() {
    clearTimeout(this.#timer);
    this.#receipt = this.#id = null;
    for (const name of ["copy", "save"]) this.#part(name).disabled = true;
  }

  #problem(words) {
    this.#part("problem").hidden = !words;
    this.#part("problem").textContent = words ?? "";
  }

  async #load() {
    const id = this.#id;
    try {
      const receipt = await readReceipt(id);
      if (id === this.#id) this.#show(receipt);
    } catch (error) {
      if (id === this.#id) this.#problem(t("{reason} The receipt cannot be shown now.", { reason: error.message }));
    }
  }

  #show(receipt) {
    const changed = receipt.state !== this.#receipt?.state;
    this.#receipt = receipt;
    for (const name of ["copy", "save"]) this.#part(name).disabled = false;
    const facts = this.#facts().flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]);
    this.#part("facts").replaceChildren(...facts);
    if (changed) this.#part("undo").replaceChildren(...[undoButton(receipt, (words) => this.#problem(words))].filter(Boolean));
    // What is not over yet changes by itself.
    if (["running", "pending"].includes(receipt.state)) this.#timer = setTimeout(() => this.#load(), LOOK);
  }

  #facts() {
    const receipt = this.#receipt;
    const verb = receipt.action === "memory" ? t("Forgotten") : t("Removed");
    const at = new Date(receipt.created_at);
    return [
      [t("What"), ACTIONS[receipt.action] ?? receipt.action],
      [verb, countsOf(receipt) || t("Nothing")],
      [t("When"), `${when(receipt.created_at)} (${at.toISOString()})`],
      [t("State"), stateOf(receipt)],
      [t("Receipt"), receipt.id],
    ];
  }

  async #copy() {
    try {
      await navigator.clipboard.writeText(this.#facts().map((fact) => fact.join(": ")).join("\n"));
      this.#part("copy").textContent = t("Copied");
      setTimeout(() => (this.#part("copy").textContent = t("Copy")), 2 * LOOK);
    } catch {
      this.#problem(t("The browser did not allow copying."));
    }
  }

  /** A plain link downloads the file; asked for first, so that an ended sign-in is said in words. */
  async #save() {
    const id = this.#id;
    try {
      await get(`receipts/${id}`);
      h("a", { href: `${context().api}receipts/${id}`, download: `receipt-${id}.json` }).click();
    } catch (error) {
      this.#problem(t("{reason} Nothing was saved.", { reason: error.message }));
    }
  }
}

customElements.define("docchat-receipt", Receipt);
