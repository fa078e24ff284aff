// Who sits here. An ended sign-in keeps the page and its drafts; another person's sign-in empties the page.
// Tabs of one browser tell each other; only names and ids travel, never content.

import { get } from "./api.js";
import { emit, on } from "./bus.js";
import { context } from "./context.js";

const channel = "BroadcastChannel" in window ? new BroadcastChannel("docchat") : null;
let away = false;
let asking = false;

/** Tell the other tabs that a chat is gone. */
export function tellGone(id, successor) {
  channel?.postMessage({ kind: "gone", root: context().root, id, successor });
}

/** Tell the other tabs that a chat is not what it was; null: that any may not be. */
export function tellChanged(id) {
  channel?.postMessage({ kind: "changed", root: context().root, id });
}

function leave() {
  document.body.replaceChildren();
  location.replace(context().root);
}

function heard({ data }) {
  if (data.root !== context().root) return;
  if (data.kind === "gone") emit("gone", data);
  if (data.kind === "changed") emit("changed", data);
  if (data.kind === "here") welcome(data.user);
  if (data.kind === "leaving") {
    document.body.replaceChildren();
    setTimeout(leave, 1000);
  }
}

function welcome(user) {
  if (user !== context().user) leave();
  else if (away) {
    away = false;
    emit("signed-in");
  }
}

async function look() {
  if (asking || document.visibilityState !== "visible") return;
  asking = true;
  try {
    welcome((await get("status")).user);
    emit("looked");
  } catch {
    // A 401 has told everybody by itself; without an answer there is nothing to conclude.
  } finally {
    asking = false;
  }
}

on("signed-out", () => {
  away = true;
});
channel?.addEventListener("message", heard);
channel?.postMessage({ kind: "here", root: context().root, user: context().user });
document.addEventListener("visibilitychange", look);
addEventListener("focus", look);
on("reached", look);
// A page out of the browser's back-forward cache may show somebody who has left.
addEventListener("pageshow", (event) => event.persisted && location.reload());
document.querySelector("[data-sign-out]")?.addEventListener("submit", () => {
  channel?.postMessage({ kind: "leaving", root: context().root });
});
