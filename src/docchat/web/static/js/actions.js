// What can be done on this page: each part offers its actions, the palette and the help sheet show them all.

const actions = new Map();

/** Where whether keys without Ctrl or Alt work is kept: they disturb people who speak to their computer. */
const SINGLE = "docchat_single_keys";

/**
 * Offer an action, or offer it anew. Returns a function that takes it back.
 *
 * `id`    "chat.clear": what stands before the dot is its group, one of page, chat, documents, source, look.
 * `name`  a function that gives the words in the language of the page.
 * `keys`  "Ctrl+K", "Ctrl+Shift+O", "?", "Alt+ArrowUp", or ""; Ctrl is Cmd too. A key without Ctrl or Alt is left
 *         alone while somebody types, and all are while a dialogue is open.
 * `run`   does it. Without it the part listens to its keys itself (Enter, Escape) and only the help sheet tells of them.
 * `when`  whether it can be done now; what cannot is neither shown in the palette nor done by its keys.
 */
export function offer({ id, name, keys = "", run = null, when = () => true }) {
  const action = { id, name, keys, run, when };
  actions.set(id, action);
  return () => actions.get(id) === action && actions.delete(id);
}

/** All actions, in the order in which they were offered first. */
export function offered() {
  return [...actions.values()];
}

/** Those that can be done now. */
export function possible() {
  return offered().filter(({ run, when }) => run && when());
}

/** Do an action, if it can be done now; says whether it could. */
export function perform(id) {
  const action = actions.get(id);
  if (!action?.run || !action.when()) return false;
  action.run();
  return true;
}

const MAC = /Mac|iPhone|iPad/.test(navigator.platform);
const NAMES = { ArrowUp: "↑", ArrowDown: "↓", ArrowLeft: "←", ArrowRight: "→", Escape: "Esc" };

/** "Ctrl+K" is Ctrl and K, "+" is a key as well. */
const partsOf = (keys) => keys.split(/\+(?!$)/);

/** The names of keys as they stand on this keyboard: "Ctrl+K" is ["Ctrl", "K"], or ["⌘", "K"] on a Mac. */
export function keyNames(keys) {
  if (!keys) return [];
  const names = partsOf(keys).map((key) => NAMES[key] ?? key);
  return MAC ? names.map((key) => ({ Ctrl: "⌘", Shift: "⇧", Alt: "⌥" })[key] ?? key) : names;
}

/** Whether keys without Ctrl or Alt work. */
export function singleKeys() {
  try {
    return localStorage.getItem(SINGLE) !== "off";
  } catch {
    return true;
  }
}

/** Let keys without Ctrl or Alt work, or not. */
export function setSingleKeys(work) {
  try {
    if (work) localStorage.removeItem(SINGLE);
    else localStorage.setItem(SINGLE, "off");
  } catch {
    // A browser that keeps nothing: they work until it can.
  }
}

function pressed(event, keys) {
  const parts = partsOf(keys);
  const key = parts.pop();
  if (parts.includes("Ctrl") !== (event.ctrlKey || event.metaKey) || parts.includes("Alt") !== event.altKey) return false;
  const letter = /^[A-Za-z]$/.test(key);
  // "?" needs Shift on some keyboards and not on others.
  if ((letter || key.length > 1) && parts.includes("Shift") !== event.shiftKey) return false;
  if (event.key.toLowerCase() === key.toLowerCase()) return true;
  // An Arabic or Russian keyboard has other letters on the same keys.
  return letter && !/^[\x20-\x7e]$/.test(event.key) && event.code === `Key${key.toUpperCase()}`;
}

const typing = (target) => target.isContentEditable || Boolean(target.closest?.("input:not([type=checkbox], [type=radio]), textarea, select"));

addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.repeat || event.isComposing || document.querySelector("dialog:modal")) return;
  const action = possible().find(({ keys }) => keys && pressed(event, keys));
  if (!action) return;
  const single = !/^(Ctrl|Alt)\+/.test(action.keys);
  if (single && (typing(event.target) || !singleKeys())) return;
  event.preventDefault();
  action.run();
});
