// Ways about the page for the keyboard and the palette: to its other pages, to its places, out of it, and onto paper.

import { offer } from "./actions.js";
import { t } from "./i18n.js";

/** Earlier messages are fetched before a chat is printed, at most so many times. */
const FETCHES = 100;
const PATIENCE = 10_000;

const find = (selector) => document.querySelector(selector);
const shown = (selector) => Boolean(find(selector)?.checkVisibility());

/** A grown conversation, or no more patience. */
function grown(conversation) {
  return new Promise((resolve) => {
    const done = () => {
      watch.disconnect();
      clearTimeout(timer);
      resolve();
    };
    const watch = new MutationObserver(done);
    const timer = setTimeout(done, PATIENCE);
    watch.observe(conversation.querySelector("[data-messages]"), { childList: true });
  });
}

/** Print the whole chat: earlier messages that are not on the page yet are fetched first. */
async function print() {
  const conversation = find("#content docchat-conversation");
  for (let fetched = 0; conversation && fetched < FETCHES; fetched += 1) {
    const earlier = conversation.querySelector("[data-earlier]");
    if (!earlier || earlier.hidden) break;
    const growing = grown(conversation);
    earlier.click();
    await growing;
  }
  window.print();
}

function toChats() {
  const opener = find("[data-side-open]");
  if (opener?.checkVisibility()) opener.click();
  (find(".chats [aria-current=page]") ?? find(".chats [data-chat]") ?? find(".chats input"))?.focus();
}

offer({ id: "page.print", name: () => t("Print, or save as PDF"), keys: "Ctrl+P", run: print });
for (const link of document.querySelectorAll(".side-nav a:not([data-new-chat])")) {
  offer({
    id: `page.go-${new URL(link.href).pathname}`,
    name: () => t("Go to: {place}", { place: link.textContent.trim() }),
    run: () => link.click(),
    when: () => link.getAttribute("aria-current") !== "page",
  });
}
offer({ id: "page.chats", name: () => t("To the list of chats"), run: toChats });
offer({ id: "page.content", name: () => t("To the content of the page"), run: () => (find("docchat-conversation") ?? find("#content")).focus() });
offer({ id: "source.body", name: () => t("To the source"), run: () => find(".source [data-body]").focus(), when: () => shown(".source [data-body]") });
offer({ id: "page.password", name: () => t("Change your password"), run: () => find("[data-password]").click(), when: () => Boolean(find("[data-password]")) });
offer({ id: "page.sign-out", name: () => t("Sign out"), run: () => find("[data-sign-out]").requestSubmit(), when: () => Boolean(find("[data-sign-out]")) });
