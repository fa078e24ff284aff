// Clearing a chat, its history or its memory: what the person is told before, the call by id, and the words for every way it can fail.

import { post, request } from "./api.js";
import { attachedTo } from "./attached.js";
import { confirm } from "./confirm.js";
import { context } from "./context.js";
import { h, plural } from "./dom.js";
import { n, t } from "./i18n.js";

const STAYS = t("The chat stays on this screen, because the clear was not confirmed.");

/** When what goes is gone: for good at once, or after the time in which it can be undone. */
export function howLong() {
  const seconds = context().undoSeconds;
  if (!seconds) return t("at once, for good, on every device.");
  return t("at once, on every device. It can be undone for {time}, then it is gone for good.", { time: plural(seconds, "second") });
}

/** The limits of the promise stand beside it. */
export function outOfReach() {
  return h("p", { class: "soft" }, t("Out of reach: exports you saved, copies of the whole server, and what a model's provider logs."));
}

/** What goes and what stays, as a list for a dialogue. */
export function goesAndStays(goes, stays) {
  return h("dl", {}, h("dt", {}, t("Goes")), h("dd", {}, goes), h("dt", {}, t("Stays")), h("dd", {}, stays));
}

function messagesOf(session) {
  return session.message_count ? plural(session.message_count, "message") : t("every message");
}

/** All that is in a chat, what was attached to it too. */
function allOf(session) {
  const files = attachedTo(session.id);
  return [messagesOf(session), files ? n(files, "{count} attached file", "{count} attached files") : null].filter(Boolean).join(", ");
}

/**
 * Ask and clear by id, never "the current one": another tab may have another chat.
 * Resolves to {successor, receipt} or null when the person decided otherwise.
 */
export function clearChat(session) {
  return confirm({
    title: t("Clear this chat?"),
    text: [goesAndStays(t("The title, {messages} and every citation: {how_long}", { messages: allOf(session), how_long: howLong() }), t("Every document in your library.")), outOfReach()],
    action: t("Clear chat"),
    run: () => clear(`sessions/${session.id}/clear`),
    explain,
  });
}

/** Ask and clear the messages of a chat; the chat stays. Resolves as `clearChat` does. */
export function clearHistory(session) {
  const title = session.title ? t("This chat with its title “{title}”, and every document in your library.", { title: session.title }) : t("This chat, and every document in your library.");
  return confirm({
    title: t("Clear the history of this chat?"),
    text: [goesAndStays(t("In this chat {messages} and every citation: {how_long}", { messages: messagesOf(session), how_long: howLong() }), title), outOfReach()],
    action: t("Clear history"),
    run: () => clear(`sessions/${session.id}/history/clear`),
    explain,
  });
}

/** Let the model forget what was said so far; nothing is deleted. Resolves to {from, receipt}. */
export async function forgetAbove(session) {
  const response = await request("POST", `sessions/${session.id}/memory/clear`, { body: {} });
  const { success, memory_from: from } = await response.json();
  if (success !== true) throw new Error(t("The server gave an answer that makes no sense."));
  return { from, receipt: response.headers.get("Docchat-Receipt") };
}

async function clear(path) {
  try {
    const response = await request("POST", path, { body: {} });
    const { success } = await response.json();
    if (success !== true) throw new Error(t("The server gave an answer that makes no sense."));
    return { successor: response.headers.get("Docchat-Successor"), receipt: response.headers.get("Docchat-Receipt") };
  } catch (error) {
    if (error.code === "cleared") return { gone: true, successor: error.successor, receipt: null };
    throw error;
  }
}

/** Why a clear failed, and that nothing on the screen was taken for cleared; `stays` says what that is. */
export function explain(error, stays = STAYS) {
  if (error.status === 401) {
    const link = h("a", { href: context().login, target: "_blank", rel: "opener" }, t("Sign in in a new tab"));
    return [t("Your sign-in has ended, so nothing was cleared."), " ", stays, " ", link, " ", t("and try again.")];
  }
  if (error.code === "offline" || error.code === "timeout") return `${error.message} ${stays} ${t("Try again when the connection is back.")}`;
  return `${error.message} ${stays}`;
}

/** Deleting takes the chat out of the list as well. Resolves to {receipt} or null. */
export function deleteChat(session) {
  return confirm({
    title: t("Delete this chat?"),
    text: [goesAndStays(t("The chat, its title, {messages} and every citation: {how_long} It leaves the list.", { messages: allOf(session), how_long: howLong() }), t("Every document in your library.")), outOfReach()],
    action: t("Delete chat"),
    run: async () => ({ receipt: (await request("DELETE", `sessions/${session.id}`)).headers.get("Docchat-Receipt") }),
    explain,
  });
}

/** How many chats and messages a clear of this scope would take: {sessions, messages}. */
export const countMany = (scope) => post("sessions/bulk/count", scope);
