// How the next answer is made: by which model, or quoted. Kept in memory only; the composer shows the choice.

import { get } from "./api.js";
import { emit } from "./bus.js";
import { context } from "./context.js";

let choice = {};
let known = null;

/** The fields of a question that say how to answer: {}, {mode} or {mode, model}. */
export function how() {
  return choice;
}

/** Choose by the value of an option: "quotes", "model", or "model:<id>". */
export function chooseHow(value) {
  const [mode, ...id] = value.split(":");
  choice = id.length ? { mode, model: id.join(":") } : { mode };
  emit("how");
}

/** The models that may be asked, [{id, label, default}]; none when answers can only be quoted. */
export function models() {
  known ??= get("models").then(
    (found) => found.models,
    () => {
      // Asked again next time; until then the page offers what it was told when it was made.
      known = null;
      return [];
    },
  );
  return known;
}

/** Whether a model may write answers, as far as the page knows. */
export function hasModel() {
  return context().mode === "model";
}
