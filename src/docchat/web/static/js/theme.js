// <docchat-look>: light, dark or high contrast by hand. The choice is a cookie, so that the server draws the next page
// right from its first paint; it holds for this browser and says nothing about the person.

import { offer } from "./actions.js";
import { context } from "./context.js";
import { t } from "./i18n.js";

const COOKIE = "docchat_theme";
const YEAR = 365 * 86_400;
const THEMES = ["light", "dark", "contrast"];
const channel = "BroadcastChannel" in window ? new BroadcastChannel("docchat-look") : null;

/** "light", "dark" or "contrast", or "" where the system decides. */
export function theme() {
  return document.documentElement.dataset.theme ?? "";
}

function draw(chosen) {
  const page = document.documentElement;
  if (THEMES.includes(chosen)) page.dataset.theme = chosen;
  else delete page.dataset.theme;
  document.querySelector("[data-contrast]")?.setAttribute("media", chosen === "contrast" ? "all" : "(prefers-contrast: more)");
  document.querySelector('meta[name="color-scheme"]')?.setAttribute("content", ["light", "dark"].includes(chosen) ? chosen : "light dark");
  for (const radio of document.querySelectorAll("docchat-look [name=theme]")) radio.checked = radio.value === chosen;
}

/** Choose a theme; "" leaves it to the system. The other tabs follow. */
export function setTheme(chosen) {
  const secure = location.protocol === "https:" ? "; Secure" : "";
  const age = chosen ? YEAR : 0;
  document.cookie = `${COOKIE}=${chosen}; Path=${context().root}; Max-Age=${age}; SameSite=Lax${secure}`;
  draw(chosen);
  channel?.postMessage(chosen);
}

class Look extends HTMLElement {
  connectedCallback() {
    this.dialog = this.querySelector("dialog");
    this.addEventListener("change", (event) => event.target.name === "theme" && setTheme(event.target.value));
    this.querySelector("[data-close]").addEventListener("click", () => this.dialog.close());
    this.dialog.addEventListener("click", (event) => event.target === this.dialog && this.dialog.close());
    document.querySelector("[data-look]")?.addEventListener("click", () => this.open());
    channel?.addEventListener("message", ({ data }) => draw(data));
    draw(theme());
    this.#offer();
  }

  open() {
    this.dialog.showModal();
    this.querySelector("[name=theme]:checked").focus();
  }

  #offer() {
    const choices = [
      ["", () => t("Colours as the system has them")],
      ["light", () => t("Light colours")],
      ["dark", () => t("Dark colours")],
      ["contrast", () => t("High contrast")],
    ];
    offer({ id: "look.open", name: () => t("Look"), run: () => this.open() });
    for (const [value, name] of choices) {
      offer({ id: `look.${value || "system"}`, name, run: () => setTheme(value), when: () => theme() !== value });
    }
  }
}

customElements.define("docchat-look", Look);
