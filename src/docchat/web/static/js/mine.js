// <docchat-mine>: what the person has here, everything of it as one archive, and its erasure with a receipt.

import { offer } from "./actions.js";
import { get, post } from "./api.js";
import { emit, on } from "./bus.js";
import { context } from "./context.js";
import { bytes, h } from "./dom.js";
import { locale, n, t } from "./i18n.js";
import { tellChanged } from "./identity.js";
import { receiptButton } from "./receipt.js";

const PATIENCE = 120_000;
const LOOK = 1000;

/** Each kind that is counted, in words. */
const KINDS = {
  sessions: (count) => n(count, "{count} chat", "{count} chats"),
  messages: (count) => n(count, "{count} message", "{count} messages"),
  attachments: (count) => n(count, "{count} attached file", "{count} attached files"),
  documents: (count) => n(count, "{count} document", "{count} documents"),
  pages: (count) => n(count, "{count} page", "{count} pages"),
  passages: (count) => n(count, "{count} passage", "{count} passages"),
  collections: (count) => n(count, "{count} collection of your own", "{count} collections of your own"),
  memberships: (count) => n(count, "{count} collection of others", "{count} collections of others"),
  followed_files: (count) => n(count, "{count} followed file", "{count} followed files"),
  usage_days: (count) => n(count, "{count} day of use of models", "{count} days of use of models"),
};

class Mine extends HTMLElement {
  #told = null;
  #timer = 0;
  #waited = 0;

  connectedCallback() {
    this.#part("save").addEventListener("click", () => this.#save());
    this.#part("form").addEventListener("submit", (event) => this.#erase(event));
    this.#name.addEventListener("input", () => this.#check());
    this.#part("ask").textContent = t("Type your name, {name}, to erase everything", { name: context().user });
    on("signed-in", () => this.load());
    on("changed", () => this.load());
    offer({ id: "page.archive", name: () => t("Download everything I have"), run: () => this.#save() });
    offer({ id: "page.erase", name: () => t("Erase everything I have"), run: () => this.#name.focus() });
    this.load();
  }

  get #name() {
    return this.#part("form").elements.name;
  }

  #part(name) {
    return this.querySelector(`[data-${name}]`);
  }

  #say(part, words) {
    this.#part(part).textContent = words;
    this.#part(part).hidden = !words;
  }

  async load() {
    try {
      this.#told = await get("mine");
      this.#show(this.#told);
      this.#say("problem", "");
    } catch (error) {
      this.#say("problem", error.message);
    }
  }

  #show({ holds, first, erasing }) {
    const cells = Object.entries(KINDS).filter(([kind]) => holds[kind]);
    const counts = cells.map(([kind, words]) => number(words(holds[kind])));
    if (holds.bytes) counts.push(h("div", {}, h("dt", {}, t("Files")), h("dd", {}, bytes(holds.bytes))));
    this.#part("holds").replaceChildren(...counts);
    if (!counts.length) this.#part("holds").append(h("div", {}, h("dt", { class: "soft" }, t("Nothing is here."))));
    this.#part("since").textContent = first ? t("Your oldest chat is of {date}.", { date: longDate(first) }) : "";
    this.#part("what").replaceChildren(...this.#words(holds));
    if (erasing && !this.#timer) this.#follow(erasing);
    this.#check();
  }

  /** What goes and what stays, with numbers. */
  #words(holds) {
    const counted = ["sessions", "messages", "attachments", "documents", "collections"].filter((kind) => holds[kind]);
    const goes = [
      counted.length
        ? t("Erased for good: {what}. The keys of the chats are destroyed before you get an answer.", {
            what: counted.map((kind) => KINDS[kind](holds[kind])).join(", "),
          })
        : t("Nothing is here to be erased."),
    ];
    if (holds.members) {
      goes.push(n(holds.members, "{count} other person loses what you share.", "{count} other people lose what you share."));
    }
    if (holds.memberships) goes.push(t("You leave the collections of others."));
    if (holds.withheld) goes.push(t("Clears of before cannot be undone any more."));
    const stays = [t("Your account stays, and the receipts of what was cleared: ids and numbers.")];
    if (holds.given) {
      stays.push(
        n(
          holds.given,
          "{count} document that you added to a collection of others stays there, without your name.",
          "{count} documents that you added to collections of others stay there, without your name.",
        ),
      );
    }
    if (this.#told.answers_per_day) stays.push(t("How many answers of models you had today is kept until midnight (UTC)."));
    stays.push(t("Backups of the server and the logs of model servers are the operator's affair."));
    const list = (words) => h("ul", {}, ...words.map((word) => h("li", {}, word)));
    return [h("h3", {}, t("What goes")), list(goes), h("h3", {}, t("What stays")), list(stays)];
  }

  #check() {
    const typed = this.#name.value.trim() === context().user;
    this.#part("erase").disabled = !typed || Boolean(this.#timer);
  }

  /** A plain link downloads the archive; asked before whether the server answers, so that a failure is said in words. */
  async #save() {
    try {
      await get("mine");
      h("a", { href: `${context().api}mine/archive`, download: "" }).click();
      emit("notice", { text: t("The archive is being put together while it downloads.") });
    } catch (error) {
      this.#say("problem", `${error.message} ${t("Nothing was saved.")}`);
    }
  }

  async #erase(event) {
    event.preventDefault();
    if (this.#part("erase").disabled) return;
    const button = this.#part("erase");
    button.disabled = true;
    this.setAttribute("aria-busy", "true");
    this.#say("erase-problem", "");
    this.#part("done").replaceChildren(t("Working…"));
    this.#part("done").hidden = false;
    try {
      const { receipt } = await post("mine/erase", { all: true }, { patience: PATIENCE });
      tellChanged(null);
      emit("chats-stale");
      emit("documents-changed");
      this.#name.value = "";
      this.#follow(receipt);
    } catch (error) {
      this.#part("done").hidden = true;
      this.#say("erase-problem", error.message);
      this.#check();
      await this.load();
    } finally {
      this.removeAttribute("aria-busy");
    }
  }

  /** Show how far an erasure is until it is done. */
  async #follow(receipt) {
    clearTimeout(this.#timer);
    this.#timer = 0;
    const done = receipt.state === "done";
    const words = done
      ? t("Everything is erased: the keys of your chats are destroyed and nothing is left but ids and numbers.")
      : t("Nobody can read or find anything of it any more. The rows are still being taken away; you may leave this page.");
    const counted = Object.entries(KINDS).filter(([kind]) => receipt.counts[kind]);
    this.#part("done").hidden = false;
    this.#part("done").replaceChildren(
      h("p", {}, h("strong", {}, words)),
      h("p", { class: "soft" }, counted.map(([kind, told]) => told(receipt.counts[kind])).join(", ")),
      receiptButton(receipt.id),
    );
    if (done) return this.load();
    this.#waited += 1;
    this.#timer = setTimeout(() => this.#look(receipt), Math.min(LOOK * this.#waited, 10 * LOOK));
    this.#check();
  }

  async #look(receipt) {
    try {
      this.#follow(await get(`receipts/${receipt.id}`));
    } catch {
      this.#timer = setTimeout(() => this.#look(receipt), 10 * LOOK);
    }
  }
}

function longDate(iso) {
  return new Date(iso).toLocaleDateString(locale(), { dateStyle: "long" });
}

/** "12 chats" as a number above its word, in whatever order the language has them. */
function number(words) {
  const [, before, digits, after] = words.match(/^(\D*)([\d.,\u00a0\u202f\u0660-\u0669٬]+)(.*)$/u) ?? [null, words, "", ""];
  return h("div", {}, h("dt", {}, `${before}${after}`.trim()), h("dd", {}, digits));
}

customElements.define("docchat-mine", Mine);
