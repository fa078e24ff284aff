// <docchat-widget>: the chat in a page of the host, in a frame that is loaded when it is first wanted.

class Widget extends HTMLElement {
  #frame = null;

  connectedCallback() {
    const { src, place } = this.dataset;
    if (!src) return;
    if (place === "box") this.replaceChildren(this.#made(src));
    else this.#corner(src);
  }

  #made(src) {
    this.#frame = document.createElement("iframe");
    this.#frame.className = "docchat-widget-frame";
    this.#frame.title = this.dataset.label;
    this.#frame.src = src;
    return this.#frame;
  }

  /** The link becomes a button that shows and hides the frame; what was typed stays while it is hidden. */
  #corner(src) {
    const link = this.querySelector("a");
    const button = document.createElement("button");
    button.type = "button";
    button.className = link.className;
    button.setAttribute("aria-expanded", "false");
    button.append(...link.childNodes);
    link.replaceWith(button);
    const show = (open) => {
      if (!this.#frame) this.append(this.#made(src));
      this.#frame.hidden = !open;
      button.setAttribute("aria-expanded", String(open));
      if (open) this.#frame.focus();
      else button.focus();
    };
    button.addEventListener("click", () => show(this.#frame?.hidden ?? true));
    addEventListener("keydown", (event) => {
      if (event.key === "Escape" && this.#frame && !this.#frame.hidden && this.contains(document.activeElement)) show(false);
    });
  }
}

customElements.define("docchat-widget", Widget);
