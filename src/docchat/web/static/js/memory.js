// The line in a conversation where the memory of the model begins.

import { h } from "./dom.js";
import { t } from "./i18n.js";

/**
 * Draw the line above the first message of `list` whose id is at least `from`; below all of them when none is.
 * No line is needed where nothing stands above it: `more` says whether earlier messages are not on the screen.
 */
export function drawMemoryLine(list, from, more) {
  list.querySelector("[data-memory]")?.remove();
  if (from === null) return;
  const views = [...list.querySelectorAll("[data-message]")];
  // A message that is just being sent has no id yet: it is the newest.
  const known = views.findIndex((view) => !view.dataset.message || Number(view.dataset.message) >= from);
  if (known === 0 && !(more && views[0].dataset.message === String(from))) return;
  if (!views.length) return;
  const line = h("li", { class: "memory-line", dataset: { memory: "" } }, h("span", {}, t("The model knows only what is below")));
  if (known < 0) list.append(line);
  else views[known].closest("li").before(line);
}
