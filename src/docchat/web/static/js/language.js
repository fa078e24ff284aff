// The language by hand, in the dialogue of the look: a cookie, so that the server writes the next page in it.

import { context } from "./context.js";

const YEAR = 365 * 86_400;

/** Choose a language and load the page anew in it; "" leaves it to the browser. */
export function setLanguage(chosen) {
  const secure = location.protocol === "https:" ? "; Secure" : "";
  document.cookie = `docchat_language=${chosen}; Path=${context().root}; Max-Age=${chosen ? YEAR : 0}; SameSite=Lax${secure}`;
  location.reload();
}

document.querySelector("docchat-look [name=language]")?.addEventListener("change", (event) => setLanguage(event.target.value));
