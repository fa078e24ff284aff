// Clearing a chat: what the person is told before, the call by id, and the words for every way it can fail.

import { get, request } from "./api.js";
import { confirm } from "./confirm.js";
import { context } from "./context.js";
import { h, plural } from "./dom.js";

const STAYS = "The chat stays on this screen, because the clear was not confirmed.";

/**
 * Ask and clear by id, never "the current one": another tab may have another chat.
 * Resolves to {successor, receipt} or null when the person decided otherwise.
 */
export function clearChat(session) {
  const messages = session.message_count ? plural(session.message_count, "message") : "every message";
  return confirm({
    title: "Clear this chat?",
    text: [
      h("dl", {}, h("dt", {}, "Goes"), h("dd", {}, `The title, ${messages} and every citation: at once, for good, on every device.`), h("dt", {}, "Stays"), h("dd", {}, "Every document in your library.")),
      h("p", { class: "soft" }, "Out of reach: exports you saved, copies of the whole server, and what a model's provider logs."),
    ],
    action: "Clear chat",
    run: () => clear(session.id),
    explain,
  });
}

async function clear(id) {
  try {
    const response = await request("POST", `sessions/${id}/clear`, { body: {} });
    const { success } = await response.json();
    if (success !== true) throw new Error("The server gave an answer that makes no sense.");
    return { successor: response.headers.get("Docchat-Successor"), receipt: response.headers.get("Docchat-Receipt") };
  } catch (error) {
    if (error.code === "cleared") return { successor: error.successor, receipt: null };
    throw error;
  }
}

function explain(error) {
  if (error.status === 401) {
    const link = h("a", { href: context().login, target: "_blank", rel: "opener" }, "Sign in in a new tab");
    return ["Your sign-in has ended, so nothing was cleared. ", STAYS, " ", link, " and try again."];
  }
  if (error.code === "offline" || error.code === "timeout") return `${error.message} ${STAYS} Try again when the connection is back.`;
  return `${error.message} ${STAYS}`;
}

/** What a receipt says, in one line; null when it cannot be read now. */
export async function receiptLine(id) {
  if (!id) return null;
  try {
    const { counts } = await get(`receipts/${id}`);
    const parts = Object.entries(counts)
      .filter(([, count]) => count > 0)
      .map(([kind, count]) => plural(count, kind.replace(/s$/, "").replaceAll("_", " ")));
    return parts.length ? `Removed: ${parts.join(", ")}. Receipt ${id}` : `Receipt ${id}`;
  } catch {
    return `Receipt ${id}`;
  }
}

/** Deleting takes the chat out of the list as well. */
export function deleteChat(session) {
  return confirm({
    title: "Delete this chat?",
    text: [h("p", {}, "It is cleared for good and leaves the list. The documents in your library stay.")],
    action: "Delete chat",
    run: () => request("DELETE", `sessions/${session.id}`),
    explain,
  });
}
