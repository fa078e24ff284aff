// <docchat-drop>: files and folders dropped anywhere on the page, pasted, or picked by a button.

import { attaching } from "./attached.js";
import { emit } from "./bus.js";
import { t } from "./i18n.js";

const carriesFiles = (event) => event.dataTransfer?.types.includes("Files");

/** What was dropped, with the files in folders. What a folder hides (.DS_Store) is not meant. */
async function filesOf(transfer) {
  const files = [...transfer.files];
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.some((entry) => entry.isDirectory)) return files;
  return (await Promise.all(entries.map(walk))).flat();
}

async function walk(entry) {
  if (entry.name.startsWith(".")) return [];
  try {
    if (entry.isFile) return [await new Promise((resolve, reject) => entry.file(resolve, reject))];
    const reader = entry.createReader();
    const inside = [];
    // A reader gives a hundred at a time.
    for (let some = null; some?.length !== 0; inside.push(...some)) some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    return (await Promise.all(inside.map(walk))).flat();
  } catch {
    emit("notice", { text: t("The browser could not read {name}.", { name: entry.name }) });
    return [];
  }
}

class Drop extends HTMLElement {
  #depth = 0;

  connectedCallback() {
    addEventListener("dragenter", (event) => this.#move(event, 1));
    addEventListener("dragleave", (event) => this.#move(event, -1));
    addEventListener("dragover", (event) => carriesFiles(event) && event.preventDefault());
    addEventListener("drop", (event) => this.#dropped(event));
    addEventListener("paste", (event) => this.#pasted(event));
    document.addEventListener("change", (event) => event.target.matches("[data-pick]") && this.#picked(event.target));
    // What was picked before those who take it were there.
    addEventListener("load", () => document.querySelectorAll("[data-pick]").forEach((input) => this.#picked(input)));
  }

  #picked(input) {
    if (document.readyState !== "complete" || !input.files.length) return;
    emit("files", { files: [...input.files] });
    input.value = "";
  }

  #move(event, step) {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    this.#depth = Math.max(0, this.#depth + step);
    this.hidden = this.#depth === 0;
    this.querySelector("[data-where-to]").textContent = attaching() ? t("Drop files to attach them to this chat") : t("Drop files to add them to your documents");
  }

  async #dropped(event) {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    this.#depth = 0;
    this.hidden = true;
    const files = await filesOf(event.dataTransfer);
    if (files.length) emit("files", { files });
    else emit("notice", { text: t("There was no file in what you dropped.") });
  }

  #pasted(event) {
    const files = [...(event.clipboardData?.files ?? [])];
    if (!files.length) return;
    event.preventDefault();
    emit("files", { files });
  }
}

customElements.define("docchat-drop", Drop);
