// One chat in the list: its link, what is begun in it, its menu, and its title being written anew.

import { patch } from "./api.js";
import { emit } from "./bus.js";
import { deleteChat } from "./clear.js";
import { chatUrl, context } from "./context.js";
import { h, icon, iconButton } from "./dom.js";
import { t } from "./i18n.js";
import { tellChanged, tellGone } from "./identity.js";

/** What a chat is called, also before it has a title. */
export function titleOf(session) {
  return session.title || t("New chat");
}

/** The link to a chat; `content` in place of its title. */
export function chatLink(session, ...content) {
  const title = titleOf(session);
  // A title runs in its own direction, so that its end is cut off and not its beginning.
  const inside = content.length ? content : [title];
  return h("a", { class: "chat-link", dir: "auto", href: chatUrl(session.id), title: content.length ? null : title, dataset: { chat: session.id } }, ...inside);
}

/** The item of a chat; `open` gets the session and the button of its menu. */
export function chatRow(session, link, open) {
  const more = iconButton("more", t("More for “{title}”", { title: titleOf(session) }), () => open(session, more));
  more.classList.add("chat-more");
  more.setAttribute("aria-expanded", "false");
  const begun = session.drafted ? h("span", { class: "chat-begun", title: t("A question is begun here") }, t("Draft")) : null;
  return h("li", { class: "chat-item", dataset: { row: session.id } }, link, begun, more);
}

/** Change title or marks of a chat and tell everybody; resolves to the chat as it is then, or null when that failed. */
export async function change(session, fields) {
  try {
    const fresh = await patch(`sessions/${session.id}`, fields);
    emit("marked", { session: fresh });
    emit("chats-stale");
    tellChanged(session.id);
    return fresh;
  } catch (error) {
    if (error.code === "cleared") emit("gone", { id: session.id, successor: error.successor });
    else emit("notice", { text: t("{reason} Nothing was changed.", { reason: error.message }) });
    return null;
  }
}

/** Put a chat away, or bring it back, and say where it is. */
export async function putAway(session) {
  const away = !session.archived;
  if (await change(session, { archived: away })) emit("notice", { text: away ? t("The chat is in the archive now.") : t("The chat is back in the list.") });
}

/** Delete a chat from the list, whether it is on the screen or not. */
async function remove(session, current) {
  const result = await deleteChat(session);
  if (!result) return;
  if (session.id === current && context().page === "chat") return emit("deleted-here", { id: session.id, receipt: result.receipt });
  tellGone(session.id, null);
  emit("draft-drop", { id: session.id });
  emit("gone", { id: session.id, successor: null });
  emit("notice", { text: t("The chat was deleted."), receipt: result.receipt });
}

/** The one menu of the list, for whichever chat it is opened. */
export class ChatMenu {
  #button = null;

  /** `place` is the element that holds it, `rename` gets the session whose title is to be written anew. */
  constructor(place, rename) {
    this.rename = rename;
    this.box = h("div", { class: "menu-items chat-menu", popover: "auto" });
    this.box.addEventListener("toggle", (event) => this.#button?.setAttribute("aria-expanded", String(event.newState === "open")));
    this.box.addEventListener("keydown", (event) => this.#move(event));
    place.append(this.box);
  }

  /** Open it at a button; `current` is the id of the chat on the screen. */
  open(session, button, current) {
    this.#button = button;
    this.box.replaceChildren(
      this.#item("pen", t("Rename"), () => this.rename(session)),
      this.#item("pin", session.pinned ? t("Unpin") : t("Pin"), () => change(session, { pinned: !session.pinned })),
      this.#item("archive", session.archived ? t("Bring back") : t("Archive"), () => putAway(session)),
      this.#item("bin", t("Delete chat…"), () => remove(session, current), "danger-text"),
    );
    this.box.showPopover();
    const at = button.getBoundingClientRect();
    const size = this.box.getBoundingClientRect();
    const left = document.dir === "rtl" ? at.left : at.right - size.width;
    this.box.style.left = `${Math.max(8, Math.min(left, innerWidth - size.width - 8))}px`;
    this.box.style.top = `${Math.max(8, Math.min(at.bottom + 4, innerHeight - size.height - 8))}px`;
    this.box.querySelector("button").focus();
  }

  close() {
    if (this.box.matches(":popover-open")) this.box.hidePopover();
  }

  #item(image, words, run, kind = null) {
    const act = () => {
      this.close();
      run();
    };
    return h("button", { type: "button", class: kind, onclick: act }, icon(image), words);
  }

  #move(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const items = [...this.box.querySelectorAll("button")];
    items.at((items.indexOf(document.activeElement) + step) % items.length).focus();
  }
}

/** Write the title of a chat anew in its item; resolves when that is over, one way or the other. */
export function renameIn(item, session) {
  const input = h("input", { name: "title", maxlength: "200", autocomplete: "off", value: session.title, "aria-label": t("Title of this chat"), dir: "auto" });
  const form = h("form", { class: "chat-rename" }, input);
  item.replaceChildren(form);
  input.select();
  input.focus();
  return new Promise((done) => {
    const finish = async (save) => {
      if (!form.isConnected || form.inert) return;
      form.inert = true;
      const title = input.value.trim();
      if (save && title && title !== session.title) await change(session, { title });
      done();
    };
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      finish(true);
    });
    form.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      event.preventDefault();
      event.stopPropagation();
      finish(false);
    });
    input.addEventListener("blur", () => finish(true));
  });
}
