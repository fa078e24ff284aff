// The parts that every page of docchat has.

import "./cookies.js";
import "./identity.js";
import "./notices.js";
import "./confirm.js";
import "./receipt.js";
import "./many.js";
import "./side.js";
import "./palette.js";
import "./help.js";
import "./theme.js";
import "./language.js";
import "./offline.js";
import "./places.js";
import "./chats.js";
import "./source.js";
import "./uploads.js";
import "./drop.js";

// Inside a page of the host the chat leads to the whole page, and leaves the way back to that page.
document.documentElement.classList.toggle("framed", window !== window.top);

// A menu closes when something else is touched, and with Escape.
addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!menu.contains(event.target) || event.target.closest(".menu-items button")) menu.open = false;
  }
});
addEventListener(
  "keydown",
  (event) => {
    const menu = document.querySelector("details.menu[open]");
    if (event.key !== "Escape" || !menu) return;
    event.stopPropagation();
    menu.open = false;
    menu.querySelector("summary").focus();
  },
  true,
);
