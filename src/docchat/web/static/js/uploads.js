// <docchat-uploads>: the files being added: how far all of them are, each of a few, and those that were skipped and why.

import { attaching } from "./attached.js";
import { emit, on } from "./bus.js";
import { shownCollection } from "./collections.js";
import { bytes, h, icon, iconButton, pagesOf, plural } from "./dom.js";
import { locale, t } from "./i18n.js";
import { Meter } from "./meter.js";
import { mayTryAgain } from "./reasons.js";
import { passwordForm } from "./unlock.js";
import { Upload } from "./upload.js";
import { readingWords } from "./words.js";

const AT_ONCE = 3;
const LEAVE_AFTER = 6000;
/** Of more files than these only those that are being sent have a row. */
const FEW = 8;
/** Others look again when something changed, but not for each of a thousand files. */
const TELL_EVERY = 700;

/** On the documents page a document that wants a password has a row of its own that asks. */
function askedByItsRow() {
  return Boolean(document.querySelector("docchat-library"));
}

class Uploads extends HTMLElement {
  #all = new Set();
  #old = new Set();
  #rows = new Map();
  #waiting = [];
  #active = 0;
  #paused = false;
  #told = new Set();
  #frame = 0;

  connectedCallback() {
    this.meter = new Meter(t("Progress of the files being added"));
    this.pause = h("button", { type: "button", class: "quiet", dataset: { pause: "" }, onclick: () => this.#pause(!this.#paused) }, t("Pause"));
    this.stop = h("button", { type: "button", class: "quiet", onclick: () => this.#cancelRest() }, t("Cancel the rest"));
    this.head = h("div", { class: "uploads-head", hidden: true }, this.meter.node, this.pause, this.stop);
    this.list = h("div", { class: "uploads-list" });
    this.skippedWords = h("strong", {});
    const close = iconButton("close", t("Close the list of skipped files"), () => this.#forgetSkipped());
    this.skippedList = h("div", { class: "uploads-list" });
    this.skipped = h("section", { class: "skipped", "aria-label": t("Files that were skipped"), hidden: true }, h("div", { class: "skipped-head" }, this.skippedWords, close), this.skippedList);
    this.append(this.head, this.skipped, this.list);
    on("files", ({ files }) => this.add(files));
    on("document-opened", ({ document }) => this.#opened(document));
    // A question makes room at once: later the conversation would move while somebody reads.
    on("busy", ({ busy }) => busy && this.#leave());
    addEventListener("beforeunload", (event) => {
      if (this.busy && [...this.#all].some((upload) => ["waiting", "sending"].includes(upload.state))) event.preventDefault();
    });
  }

  /** Whether files are under way. */
  get busy() {
    return [...this.#all].some((upload) => upload.running);
  }

  /** What was added last, while something of it was still under way. */
  get #pile() {
    return [...this.#all].filter((upload) => !this.#old.has(upload));
  }

  add(files) {
    // What was added before is another pile; what of it was skipped stays in sight.
    if (!this.busy) for (const upload of [...this.#all]) upload.state === "failed" ? this.#old.add(upload) : this.#forget(upload);
    for (const file of files) {
      const upload = new Upload(file, this.#place());
      upload.addEventListener("change", () => this.#changed(upload));
      this.#all.add(upload);
      this.#waiting.push(() => upload.run());
    }
    if (this.#pile.length <= FEW) for (const upload of this.#pile) this.#rowOf(upload);
    this.#look();
    this.#next();
  }

  /** Where files go at this moment. */
  #place() {
    const app = document.querySelector("docchat-app");
    return attaching() ? { chat: () => app.chat() } : { collection: shownCollection() };
  }

  #next() {
    while (!this.#paused && this.#active < AT_ONCE && this.#waiting.length) {
      this.#active += 1;
      this.#waiting.shift()().finally(() => {
        this.#active -= 1;
        this.#next();
      });
    }
  }

  /** Paused, what is being sent comes to its end and nothing else is begun. */
  #pause(paused) {
    this.#paused = paused;
    this.pause.textContent = paused ? t("Resume") : t("Pause");
    this.#look();
    this.#next();
  }

  #changed(upload) {
    if (upload.state === "sending" || this.#pile.length <= FEW) this.#rowOf(upload);
    else if (["queued", "reading", "ready"].includes(upload.state)) this.#drop(upload);
    if (upload.state === "failed") this.#rowOf(upload);
    this.#rows.get(upload)?.draw();
    if (["queued", "ready", "failed"].includes(upload.state)) this.#tell(upload.chat ? "attachments-changed" : "documents-changed");
    // What is attached says above the box for questions what became of it.
    const told = upload.chat && upload.document && upload.state === "failed";
    if (upload.state === "cancelled" || told) this.#forget(upload);
    this.#look();
  }

  /** What is said above the rows, once a frame. */
  #look() {
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      this.#drawHead();
    });
  }

  #drawHead() {
    const all = this.#pile;
    const locked = all.filter((upload) => upload.locked).length;
    const failed = all.filter((upload) => upload.skipped).length;
    const skipped = [...this.#all].filter((upload) => upload.skipped).length;
    const done = all.filter(({ running }) => !running).length;
    this.hidden = !this.#all.size;
    const waiting = all.some(({ state }) => state === "waiting");
    if (this.#paused && !waiting) this.#pause(false);
    this.head.hidden = all.length < 2 && !this.#paused;
    this.pause.hidden = this.stop.hidden = !waiting;
    const sending = all.some(({ state }) => state === "waiting" || state === "sending");
    const verb = this.#paused ? t("Paused") : sending ? t("Adding") : t("Reading");
    const left = [
      locked && t(", {count} locked", { count: locked.toLocaleString(locale()) }),
      failed && t(", {count} skipped", { count: failed.toLocaleString(locale()) }),
    ];
    const skips = left.filter(Boolean).join("");
    const end = `${t("{files} ready", { files: plural(all.length - failed - locked, "file") })}${skips}`;
    this.meter.set({ done, total: all.length, verb, noun: `${t("files")}${skips}`, end, paused: this.#paused });
    this.skipped.hidden = !skipped;
    this.skippedWords.textContent = t("{files} skipped", { files: plural(skipped, "file") });
    if (all.length && done === all.length) this.#leaveSoon();
  }

  /** When all is through, what went well leaves; what was skipped stays until somebody has seen it, as what still asks. */
  #leaveSoon() {
    clearTimeout(this.leaving);
    this.leaving = setTimeout(() => this.#leave(), LEAVE_AFTER);
  }

  #leave() {
    if (this.busy) return;
    for (const upload of [...this.#all]) if (upload.state === "ready" || (upload.locked && askedByItsRow())) this.#forget(upload);
  }

  #tell(name) {
    if (!this.#told.size) {
      setTimeout(() => {
        const names = [...this.#told];
        this.#told.clear();
        for (const found of names) emit(found);
      }, TELL_EVERY);
    }
    this.#told.add(name);
  }

  #rowOf(upload) {
    if (!this.#rows.has(upload)) this.#rows.set(upload, new Row(upload, this));
    const place = upload.skipped ? this.skippedList : this.list;
    const { node } = this.#rows.get(upload);
    if (node.parentElement !== place) place.append(node);
  }

  #drop(upload) {
    this.#rows.get(upload)?.node.remove();
    this.#rows.delete(upload);
  }

  #forget(upload) {
    this.#drop(upload);
    this.#all.delete(upload);
    this.#old.delete(upload);
    this.#look();
  }

  #forgetSkipped() {
    for (const upload of [...this.#all]) if (upload.skipped) this.#forget(upload);
  }

  #cancelRest() {
    for (const upload of [...this.#all]) if (upload.state === "waiting") upload.cancel();
  }

  /** A document got its password elsewhere on the page. */
  #opened(document) {
    for (const upload of this.#all) if (upload.document?.id === document.id) upload.found(document);
  }

  again(upload) {
    this.#old.delete(upload);
    upload.wait();
    this.#waiting.push(() => upload.retry());
    this.#next();
  }

  leave(upload) {
    this.#forget(upload);
  }
}

/** The row of one file. */
class Row {
  #last = null;

  constructor(upload, uploads) {
    this.upload = upload;
    this.uploads = uploads;
    this.state = h("span", { class: "upload-state" });
    this.actions = h("span", { class: "upload-actions" });
    this.bar = h("progress", { max: "1", "aria-label": t("Progress of {name}", { name: upload.name }) });
    this.more = h("div", { class: "upload-more" });
    this.node = h("div", { class: "upload" }, h("span", { class: "upload-name", title: upload.name, dir: "auto" }, upload.name), this.state, this.actions, this.bar, this.more);
    this.draw();
  }

  draw() {
    const { upload } = this;
    if (upload.state === "sending") this.bar.value = upload.progress;
    const words = this.#words();
    if (this.state.textContent !== words) this.state.textContent = words;
    if (upload.state === this.#last) return;
    this.#last = upload.state;
    this.node.className = `upload ${upload.locked ? "locked" : upload.state}`;
    this.bar.hidden = !upload.running;
    if (["queued", "reading"].includes(upload.state)) this.bar.removeAttribute("value");
    else this.bar.value = upload.progress;
    this.actions.replaceChildren(...this.#actions());
    this.more.replaceChildren(...this.#form());
  }

  #words() {
    const { upload } = this;
    const size = bytes(upload.file.size);
    const found = upload.document;
    const stale = upload.stale ? `. ${t("The server does not answer; asking again")}` : "";
    return {
      waiting: t("Waiting, {size}", { size }),
      sending: upload.progress < 1 ? t("Sending, {percent} % of {size}", { percent: Math.round(upload.progress * 100), size }) : t("Sent, the server is storing it"),
      queued: `${t("Queued for reading")}${stale}`,
      reading: `${readingWords(found)}${stale}`,
      ready: found ? t("Ready: {what}", { what: [pagesOf(found), plural(found.passages, "passage")].filter(Boolean).join(", ") }) : t("Ready"),
      failed: upload.reason || t("This did not work."),
      cancelled: upload.reason || t("Cancelled"),
    }[upload.state];
  }

  #actions() {
    const { upload, uploads } = this;
    if (["waiting", "sending"].includes(upload.state)) return [iconButton("close", t("Cancel {name}", { name: upload.name }), () => upload.cancel())];
    if (upload.state !== "failed") return [];
    const close = iconButton("close", t("Remove {name} from this list", { name: upload.name }), () => uploads.leave(upload));
    // What never arrived is sent again; of what did, only some can end in another way.
    if (upload.document && !mayTryAgain(upload.document)) return [close];
    return [h("button", { type: "button", class: "quiet", onclick: () => uploads.again(upload) }, icon("again"), t("Retry")), close];
  }

  #form() {
    const { upload } = this;
    if (!upload.locked || askedByItsRow()) return [];
    const opened = (found) => {
      upload.found(found);
      emit("documents-changed");
    };
    return [passwordForm(upload.document, `${upload.base}/${upload.document.id}/password`, opened)];
  }
}

customElements.define("docchat-uploads", Uploads);
