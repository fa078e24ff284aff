// <docchat-drop>: files dropped anywhere on the page, pasted, or picked by a button.

import { attaching } from "./attached.js";
import { emit } from "./bus.js";

const carriesFiles = (event) => event.dataTransfer?.types.includes("Files");

class Drop extends HTMLElement {
  #depth = 0;

  connectedCallback() {
    addEventListener("dragenter", (event) => this.#move(event, 1));
    addEventListener("dragleave", (event) => this.#move(event, -1));
    addEventListener("dragover", (event) => carriesFiles(event) && event.preventDefault());
    addEventListener("drop", (event) => this.#dropped(event));
    addEventListener("paste", (event) => this.#pasted(event));
    document.addEventListener("change", (event) => {
      if (!event.target.matches("[data-pick]")) return;
      emit("files", { files: [...event.target.files] });
      event.target.value = "";
    });
  }

  #move(event, step) {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    this.#depth = Math.max(0, this.#depth + step);
    this.hidden = this.#depth === 0;
    this.querySelector("[data-where-to]").textContent = attaching() ? "Drop files to attach them to this chat" : "Drop files to add them to your documents";
  }

  #dropped(event) {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    this.#depth = 0;
    this.hidden = true;
    emit("files", { files: [...event.dataTransfer.files] });
  }

  #pasted(event) {
    const files = [...(event.clipboardData?.files ?? [])];
    if (!files.length) return;
    event.preventDefault();
    emit("files", { files });
  }
}

customElements.define("docchat-drop", Drop);
