// One file on its way into the library: sent with progress, then watched until it is ready or failed.

import { errorOf, get, headers, offline, post, refreshToken } from "./api.js";
import { bytes } from "./dom.js";
import { context } from "./context.js";

const WATCH_FIRST = 400;
const WATCH_MOST = 2500;

/** States: waiting, sending, queued, reading, ready, failed, cancelled. Emits `change`. */
export class Upload extends EventTarget {
  state = "waiting";
  progress = 0;
  reason = "";
  document = null;
  #request = null;

  /** It goes to the own library, to a collection by its id, or to the chat whose id the function `chat` gives. */
  constructor(file, { collection = "", chat = null } = {}) {
    super();
    this.file = file;
    this.collection = collection;
    this.chat = chat;
    this.base = "documents";
    this.name = file.webkitRelativePath || file.name;
  }

  get running() {
    return ["waiting", "sending", "queued", "reading"].includes(this.state);
  }

  /** Send and watch; never rejects: what went wrong is the state and its reason. */
  async run() {
    if (this.state === "cancelled") return;
    try {
      const limit = context().uploadBytes;
      if (this.file.size > limit) throw new Error(`This file has ${bytes(this.file.size)}; the limit is ${bytes(limit)}.`);
      this.#set("sending");
      if (this.chat) this.base = `sessions/${await this.chat()}/attachments`;
      this.document = await this.#send();
      await this.#watch();
    } catch (error) {
      if (this.state !== "cancelled") this.#set("failed", error.message);
    }
  }

  async retry() {
    if (!this.document || this.chat || this.state === "cancelled") return this.run();
    try {
      this.document = await post(`documents/${this.document.id}/retry`);
      await this.#watch();
    } catch (error) {
      if (this.state !== "cancelled") this.#set("failed", error.message);
    }
  }

  /** Wait for a turn to be tried again. */
  wait() {
    this.#set("waiting");
  }

  cancel() {
    this.#set("cancelled");
    this.#request?.abort();
  }

  #set(state, reason = "") {
    this.state = state;
    this.reason = reason;
    this.dispatchEvent(new Event("change"));
  }

  async #send() {
    let answer = await this.#post();
    const foreign = (answer.status === 400 || answer.status === 403) && !answer.body?.code;
    if (foreign && (await refreshToken()) && this.state !== "cancelled") answer = await this.#post();
    const { status, body } = answer;
    if (status !== 201) throw errorOf(status, body);
    const taken = body.documents ?? body.attachments;
    if (!taken.length) throw new Error(body.errors[0].error);
    return taken[0];
  }

  #post() {
    const form = new FormData();
    if (this.collection && !this.chat) form.append("collection", this.collection);
    form.append("files", this.file, this.file.name);
    return new Promise((resolve, reject) => {
      const request = new XMLHttpRequest();
      this.#request = request;
      request.open("POST", `${context().api}${this.base}`);
      request.responseType = "json";
      for (const [name, value] of Object.entries(headers())) request.setRequestHeader(name, value);
      request.upload.addEventListener("progress", (event) => {
        this.progress = event.total ? event.loaded / event.total : 0;
        this.dispatchEvent(new Event("change"));
      });
      request.addEventListener("load", () => resolve({ status: request.status, body: request.response }));
      request.addEventListener("error", () => reject(offline()));
      request.addEventListener("abort", () => reject(new Error("Cancelled.")));
      request.send(form);
    });
  }

  async #watch() {
    let pause = WATCH_FIRST;
    while (this.state !== "cancelled") {
      this.#set(this.document.state, this.document.error ?? "");
      if (!this.running) return;
      await new Promise((resolve) => setTimeout(resolve, pause));
      pause = Math.min(pause * 1.25, WATCH_MOST);
      this.document = await this.#look();
    }
  }

  /** A look that fails for want of a network says nothing about the document. */
  async #look() {
    try {
      if (!this.chat) return await get(`documents/${this.document.id}`);
      const { attachments } = await get(this.base);
      return attachments.find(({ id }) => id === this.document.id) ?? { ...this.document, state: "cancelled" };
    } catch (error) {
      if (error.status === 0 || error.status === 503) return this.document;
      throw error;
    }
  }
}
