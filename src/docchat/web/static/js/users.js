// <docchat-users>: the accounts of the standalone server: add, disable, let in again, set another password.

import { offer } from "./actions.js";
import { ApiError, errorOf, headers, offline } from "./api.js";
import { emit, on } from "./bus.js";
import { confirm } from "./confirm.js";
import { context } from "./context.js";
import { bytes, h, when } from "./dom.js";
import { n, t } from "./i18n.js";

class Users extends HTMLElement {
  #edited = null; // the account whose password the form sets; null: a new one
  #opener = null;

  connectedCallback() {
    this.form = this.#part("form");
    this.fields = this.form.elements;
    this.#part("add").addEventListener("click", (event) => this.#open(null, event.currentTarget));
    this.#part("cancel").addEventListener("click", () => this.#close());
    this.form.addEventListener("submit", (event) => this.#save(event));
    this.form.addEventListener("keydown", (event) => event.key === "Escape" && this.#close());
    on("signed-in", () => this.load());
    offer({ id: "page.add-user", name: () => t("Add a user"), run: () => this.#open(null, this.#part("add")) });
    this.load();
  }

  #part(name) {
    return this.querySelector(`[data-${name}]`);
  }

  #say(part, words) {
    this.#part(part).textContent = words;
    this.#part(part).hidden = !words;
  }

  /** The accounts are the server's own: their address is none of docchat's API. */
  async #call(method, path = "", body = undefined) {
    const type = body === undefined ? {} : { "Content-Type": "application/json" };
    let response;
    try {
      response = await fetch(this.dataset.url + path, { method, credentials: "same-origin", cache: "no-store", headers: headers(type), body: body && JSON.stringify(body) });
    } catch {
      throw offline();
    }
    const told = await response.json().catch(() => null);
    if (!response.ok || !told) throw errorOf(response.status, told, response.headers.get("Retry-After"));
    return told;
  }

  async load() {
    try {
      const { users, min_length: least } = await this.#call("GET");
      this.#part("users").replaceChildren(...users.map((user) => this.#row(user)));
      this.#part("rule").textContent = n(least, "At least {count} character.", "At least {count} characters.");
      this.fields.password.minLength = least;
      this.#say("users-problem", "");
    } catch (error) {
      this.#say("users-problem", error.message);
    }
  }

  #row(user) {
    const told = [
      n(user.sessions, "{count} chat", "{count} chats"),
      n(user.documents, "{count} document", "{count} documents"),
      ...(user.bytes ? [bytes(user.bytes)] : []),
      user.last ? t("last active {when}", { when: when(user.last) }) : t("never active"),
    ];
    const flags = [user.admin && t("administrator"), user.disabled && t("shut out")].filter(Boolean);
    const self = user.name === context().user;
    const about = h(
      "div",
      { class: "model-about" },
      h("strong", {}, user.name),
      flags.length ? h("span", { class: "flags" }, ` ${flags.join(", ")}`) : null,
      h("span", { class: "soft" }, told.join(" · ")),
    );
    const button = (words, label, run) => h("button", { type: "button", class: "button small", "aria-label": label, onclick: run }, words);
    const shut = user.disabled
      ? button(t("Let in again"), t("Let {name} in again", { name: user.name }), () => this.#change(user, { disabled: false }))
      : button(t("Shut out…"), t("Shut {name} out…", { name: user.name }), () => this.#shutOut(user));
    const reset = button(t("New password…"), t("Give {name} a new password…", { name: user.name }), (event) => this.#open(user, event.currentTarget));
    return h("li", { class: user.disabled ? "model off" : "model", dataset: { user: user.id } }, about, reset, self ? null : shut);
  }

  #open(user, opener) {
    this.#edited = user;
    this.#opener = opener;
    this.form.reset();
    this.#part("form-title").textContent = user ? t("A new password for {name}", { name: user.name }) : t("Add a user");
    for (const name of ["name", "admin"]) this.#part(`${name}-label`).hidden = Boolean(user);
    this.fields.name.required = !user;
    this.fields.password.required = true;
    this.#say("form-problem", "");
    this.form.hidden = false;
    this.#part("add").hidden = true;
    (user ? this.fields.password : this.fields.name).focus();
    this.form.scrollIntoView({ block: "nearest" });
  }

  #close() {
    this.form.hidden = true;
    this.form.reset();
    this.#part("add").hidden = false;
    const again = this.#edited && this.querySelector(`[data-user="${this.#edited.id}"] button`);
    (again || (this.#opener?.isConnected ? this.#opener : this.#part("add"))).focus();
    this.#edited = null;
  }

  async #save(event) {
    event.preventDefault();
    if (!this.form.reportValidity()) return;
    this.#part("save").disabled = true;
    const password = this.fields.password.value;
    try {
      if (this.#edited) await this.#call("PATCH", `/${this.#edited.id}`, { password });
      else await this.#call("POST", "", { name: this.fields.name.value, password, admin: this.fields.admin.checked });
      const told = this.#edited
        ? t("{name} has to sign in again, with the new password.", { name: this.#edited.name })
        : t("{name} may sign in.", { name: this.fields.name.value });
      await this.load();
      this.#close();
      emit("notice", { text: told });
    } catch (error) {
      this.#say("form-problem", error.message);
      if (!(error instanceof ApiError)) throw error;
    } finally {
      this.#part("save").disabled = false;
    }
  }

  async #change(user, body) {
    try {
      await this.#call("PATCH", `/${user.id}`, body);
      await this.load();
      this.querySelector(`[data-user="${user.id}"] button:last-child`)?.focus();
    } catch (error) {
      this.#say("users-problem", error.message);
    }
  }

  async #shutOut(user) {
    await confirm({
      title: t("Shut {name} out?", { name: user.name }),
      text: [h("p", {}, t("From the next request on {name} gets nothing. Chats and documents stay as they are, sealed as before.", { name: user.name }))],
      action: t("Shut out"),
      run: () => this.#call("PATCH", `/${user.id}`, { disabled: true }),
      explain: (error) => error.message,
    });
    await this.load();
    this.querySelector(`[data-user="${user.id}"] button:last-child`)?.focus();
  }
}

customElements.define("docchat-users", Users);
