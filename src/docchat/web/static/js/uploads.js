// <docchat-uploads>: the files being added, each with its own bar, its state and its reason.

import { attaching } from "./attached.js";
import { emit, on } from "./bus.js";
import { shownCollection } from "./collections.js";
import { bytes, h, icon, iconButton, pagesOf, plural } from "./dom.js";
import { Upload } from "./upload.js";

const AT_ONCE = 2;
const LEAVE_AFTER = 6000;

class Uploads extends HTMLElement {
  #waiting = [];
  #active = 0;
  #running = new Set();

  connectedCallback() {
    on("files", ({ files }) => this.add(files));
    addEventListener("beforeunload", (event) => {
      if ([...this.#running].some((upload) => ["waiting", "sending"].includes(upload.state))) event.preventDefault();
    });
  }

  add(files) {
    for (const file of files) {
      const upload = new Upload(file, this.#place());
      this.append(this.#row(upload));
      this.#running.add(upload);
      this.#waiting.push(() => upload.run());
    }
    this.hidden = this.children.length === 0;
    this.#next();
  }

  /** Where files go at this moment. */
  #place() {
    const app = document.querySelector("docchat-app");
    return attaching() ? { chat: () => app.chat() } : { collection: shownCollection() };
  }

  #next() {
    while (this.#active < AT_ONCE && this.#waiting.length) {
      this.#active += 1;
      this.#waiting.shift()().finally(() => {
        this.#active -= 1;
        this.#next();
      });
    }
  }

  #row(upload) {
    const state = h("span", { class: "upload-state", role: "status" });
    const actions = h("span", { class: "upload-actions" });
    const bar = h("progress", { max: "1", "aria-label": `Progress of ${upload.name}` });
    const row = h("div", { class: "upload" }, h("span", { class: "upload-name", title: upload.name }, upload.name), state, actions, bar);
    const parts = { row, state, actions, bar };
    let last = null;
    upload.addEventListener("change", () => {
      if (upload.state === "sending") bar.value = upload.progress;
      const words = this.#words(upload);
      if (state.textContent !== words) state.textContent = words;
      if (upload.state === last) return;
      last = upload.state;
      this.#draw(upload, parts);
    });
    this.#draw(upload, parts);
    state.textContent = this.#words(upload);
    return row;
  }

  #draw(upload, { row, actions, bar }) {
    row.className = `upload ${upload.state}`;
    bar.hidden = !upload.running;
    if (["queued", "reading"].includes(upload.state)) bar.removeAttribute("value");
    else bar.value = upload.progress;
    actions.replaceChildren(...this.#actions(upload, row));
    if (["queued", "ready", "failed"].includes(upload.state)) emit(upload.chat ? "attachments-changed" : "documents-changed");
    if (!upload.running) this.#running.delete(upload);
    if (upload.state === "cancelled") this.#leave(row);
    if (upload.state === "ready") setTimeout(() => this.#leave(row), LEAVE_AFTER);
  }

  #words(upload) {
    const size = bytes(upload.file.size);
    const found = upload.document;
    return {
      waiting: `Waiting, ${size}`,
      sending: upload.progress < 1 ? `Sending, ${Math.round(upload.progress * 100)} % of ${size}` : "Sent, the server is storing it",
      queued: "Queued for reading",
      reading: "Reading",
      ready: found ? `Ready: ${[pagesOf(found), plural(found.passages, "passage")].filter(Boolean).join(", ")}` : "Ready",
      failed: upload.reason || "This did not work.",
      cancelled: "Cancelled",
    }[upload.state];
  }

  #actions(upload, row) {
    const close = () => this.#leave(row);
    if (["waiting", "sending"].includes(upload.state)) return [iconButton("close", `Cancel ${upload.name}`, () => upload.cancel())];
    if (upload.state !== "failed") return [];
    const again = h("button", { type: "button", class: "quiet", onclick: () => this.#again(upload) }, icon("again"), "Retry");
    return [again, iconButton("close", `Remove ${upload.name} from this list`, close)];
  }

  #again(upload) {
    this.#running.add(upload);
    upload.wait();
    this.#waiting.push(() => upload.retry());
    this.#next();
  }

  #leave(row) {
    row.remove();
    this.hidden = this.children.length === 0;
  }
}

customElements.define("docchat-uploads", Uploads);
