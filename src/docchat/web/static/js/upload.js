// One file on its way into the library or a chat: sent with progress, then watched until it is ready or failed.

import { errorOf, headers, offline, post, refreshToken } from "./api.js";
import { bytes } from "./dom.js";
import { context } from "./context.js";
import { t, told } from "./i18n.js";
import { reason } from "./reasons.js";
import { watch } from "./watch.js";

const UNDER_WAY = ["waiting", "sending", "queued", "reading"];

/** States: waiting, sending, queued, reading, ready, failed, cancelled. Emits `change`. */
export class Upload extends EventTarget {
  state = "waiting";
  progress = 0;
  reason = "";
  document = null;
  /** The server does not answer at the moment: the state is that of a while ago. */
  stale = false;
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
    return UNDER_WAY.includes(this.state);
  }

  /** Whether it waits for the password of its document. */
  get locked() {
    return this.state === "failed" && this.document?.code === "locked";
  }

  /** Whether nothing became of it. */
  get skipped() {
    return this.state === "failed" && !this.locked;
  }

  /** Send; never rejects: what went wrong is the state and its reason. */
  async run() {
    if (this.state === "cancelled") return;
    try {
      const limit = context().uploadBytes;
      if (this.file.size > limit) throw new Error(t("This file has {size}; the limit is {limit}. Split it and add the parts.", { size: bytes(this.file.size), limit: bytes(limit) }));
      this.#set("sending");
      if (this.chat) this.base = `sessions/${await this.chat()}/attachments`;
      this.found(await this.#send());
      if (this.running) watch(this);
    } catch (error) {
      this.lost(error);
    }
  }

  async retry() {
    if (!this.document || this.chat || this.state === "cancelled") return this.run();
    try {
      this.found(await post(`documents/${this.document.id}/retry`));
      if (this.running) watch(this);
    } catch (error) {
      this.lost(error);
    }
  }

  /** What the server says of it now; null: it was deleted meanwhile. */
  found(document) {
    if (this.state === "cancelled") return;
    if (!document) return this.#set("cancelled", t("It was deleted meanwhile."));
    this.document = document;
    this.#set(document.state, document.state === "failed" ? reason(document) : "");
  }

  /** Nothing more can be said of it. */
  lost(error) {
    if (this.state !== "cancelled") this.#set("failed", reason({ error: error.message, code: error.code }));
  }

  unsure(stale) {
    if (this.stale === stale) return;
    this.stale = stale;
    this.dispatchEvent(new Event("change"));
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
    if (!taken.length) throw new Error(told(body.errors[0].error));
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
      request.addEventListener("abort", () => reject(new Error(t("Cancelled."))));
      request.send(form);
    });
  }
}
