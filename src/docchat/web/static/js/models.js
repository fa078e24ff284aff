// <docchat-models>: the administrator's page of connected models: list, form, order, and "Try it".

import { get, patch, post, request } from "./api.js";
import { emit, on } from "./bus.js";
import { confirm } from "./confirm.js";
import { h, iconButton } from "./dom.js";
import { locale, n, t, told } from "./i18n.js";

const TRIAL_PATIENCE = 60_000;

class Models extends HTMLElement {
  #models = [];
  #edited = null; // the model that the form is about; null: a new one

  connectedCallback() {
    this.form = this.#part("form");
    this.fields = this.form.elements;
    this.#part("add").addEventListener("click", () => this.#open(null));
    this.#part("cancel").addEventListener("click", () => this.#close());
    this.#part("try").addEventListener("click", () => this.#try());
    this.form.addEventListener("submit", (event) => this.#save(event));
    this.form.addEventListener("keydown", (event) => event.key === "Escape" && this.#close());
    on("signed-in", () => this.load());
    this.load();
  }

  #part(name) {
    return this.querySelector(`[data-${name}]`);
  }

  async load() {
    try {
      const { settings, models } = await get("models/connected");
      this.#models = models;
      this.#show(settings);
      this.#say("problem", "");
    } catch (error) {
      this.#say("problem", error.message);
    }
  }

  #say(part, words) {
    this.#part(part).textContent = words;
    this.#part(part).hidden = !words;
  }

  #show(settings) {
    const rows = this.#models.map((model, place) => this.#row(model, place));
    this.#part("models").replaceChildren(...(settings ? [this.#fixed(settings)] : []), ...rows);
    this.#part("none").hidden = Boolean(settings) || rows.length > 0;
  }

  #about(name, model) {
    const key = model.has_key ? t("with a key") : t("without a key");
    const words = t("{name} at {url}, {tokens}, {key}", {
      name: model.name || t("the first model"),
      url: model.url,
      tokens: n(model.context_tokens, "{count} token", "{count} tokens"),
      key,
    });
    return h("div", { class: "model-about" }, h("strong", {}, name), h("span", { class: "soft" }, words));
  }

  #fixed(settings) {
    const note = h("span", { class: "soft" }, t("From the settings: it comes first, and is changed there."));
    return h("li", { class: "model" }, this.#about(settings.name || t("Model of the settings"), settings), note);
  }

  #row(model, place) {
    const on = h("input", { type: "checkbox", checked: model.enabled, onchange: (event) => this.#enable(model, event.target) });
    const up = iconButton("down", t("Move {name} up", { name: model.label }), () => this.#move(place, -1));
    up.classList.add("turned");
    up.disabled = place === 0;
    const down = iconButton("down", t("Move {name} down", { name: model.label }), () => this.#move(place, 1));
    down.disabled = place === this.#models.length - 1;
    return h(
      "li",
      { class: model.enabled ? "model" : "model off", dataset: { id: model.id } },
      this.#about(model.label, model),
      h("label", { class: "model-check" }, on, t("On"), h("span", { class: "sr" }, `: ${model.label}`)),
      up,
      down,
      iconButton("pen", t("Change {name}", { name: model.label }), () => this.#open(model)),
      iconButton("bin", t("Delete {name}…", { name: model.label }), () => this.#delete(model)),
    );
  }

  #open(model) {
    this.#edited = model;
    this.form.reset();
    this.#part("form-title").textContent = model ? t("Change {name}", { name: model.label }) : t("Connect a model");
    for (const name of ["label", "url", "name"]) this.fields[name].value = model?.[name] ?? "";
    this.fields.context_tokens.value = model?.context_tokens ?? 4096;
    this.#part("key-rule").textContent = model?.has_key
      ? t("A key is stored, and never shown. Leave this empty to keep it; with another server it has to be typed in again.")
      : t("Only when the server wants one. It is stored sealed, and never shown again.");
    this.#part("remove-key").hidden = !model?.has_key;
    this.#part("names").replaceChildren();
    this.#say("form-problem", "");
    this.#part("trial").hidden = true;
    this.form.hidden = false;
    this.#part("add").hidden = true;
    this.fields.label.focus();
    this.form.scrollIntoView({ block: "nearest" });
  }

  #close() {
    const back = this.#edited && this.querySelector(`[data-id="${this.#edited.id}"] button:nth-last-of-type(2)`);
    this.form.hidden = true;
    this.fields.key.value = "";
    this.#part("add").hidden = false;
    (back || this.#part("add")).focus();
    this.#edited = null;
  }

  #body() {
    const body = { context_tokens: Math.trunc(Number(this.fields.context_tokens.value)) };
    for (const name of ["label", "url", "name"]) body[name] = this.fields[name].value;
    if (this.fields.key.value) body.key = this.fields.key.value;
    else if (this.fields.remove_key.checked) body.key = "";
    return body;
  }

  async #save(event) {
    event.preventDefault();
    if (!this.form.reportValidity()) return;
    const save = this.#part("save");
    save.disabled = true;
    try {
      const model = this.#edited;
      const saved = model ? await patch(`models/connected/${model.id}`, this.#body()) : await post("models/connected", this.#body());
      await this.load();
      this.#edited = saved;
      this.#close();
      emit("notice", { text: t("{name} was saved.", { name: saved.label }) });
    } catch (error) {
      this.#say("form-problem", error.message);
      save.disabled = false;
      save.focus();
    } finally {
      save.disabled = false;
    }
  }

  async #try() {
    if (!this.fields.url.reportValidity()) return;
    const button = this.#part("try");
    const shown = this.#part("trial");
    const { label: _, ...body } = this.#body();
    button.disabled = true;
    this.#say("form-problem", "");
    shown.replaceChildren(t("Asking the server…"));
    shown.hidden = false;
    try {
      const found = await post("models/try", this.#edited ? { id: this.#edited.id, ...body } : body, { patience: TRIAL_PATIENCE });
      this.#part("names").replaceChildren(...found.models.map((name) => h("option", { value: name })));
      shown.replaceChildren(...trial(found));
      shown.scrollIntoView({ block: "nearest" });
    } catch (error) {
      shown.hidden = true;
      this.#say("form-problem", error.message);
    } finally {
      button.disabled = false;
      if (document.activeElement === document.body) button.focus(); // a button that is off loses the focus
    }
  }

  async #enable(model, box) {
    try {
      await patch(`models/connected/${model.id}`, { enabled: box.checked });
    } catch (error) {
      this.#say("problem", error.message);
      return;
    }
    await this.load();
    this.querySelector(`[data-id="${model.id}"] input`)?.focus();
  }

  async #move(place, by) {
    const ids = this.#models.map(({ id }) => id);
    const [moved] = ids.splice(place, 1);
    ids.splice(place + by, 0, moved);
    try {
      await post("models/connected/order", { ids });
    } catch (error) {
      this.#say("problem", error.message);
      return;
    }
    await this.load();
    const buttons = [...this.querySelectorAll(`[data-id="${moved}"] button`)].slice(0, 2);
    (buttons[by < 0 ? 0 : 1].disabled ? buttons[by < 0 ? 1 : 0] : buttons[by < 0 ? 0 : 1]).focus();
  }

  async #delete(model) {
    const gone = await confirm({
      title: t("Delete this model?"),
      text: [h("p", {}, h("strong", {}, model.label)), h("p", {}, t("Nobody can ask it any more, and its key is destroyed. Answers that it wrote stay."))],
      action: t("Delete model"),
      run: () => request("DELETE", `models/connected/${model.id}`),
      explain: (error) => t("{reason} The model is still there.", { reason: error.message }),
    });
    if (!gone) return;
    if (this.#edited?.id === model.id) this.#close();
    await this.load();
    this.#part("add").focus();
  }
}

/** What came of a trial, as nodes. */
function trial(found) {
  const listed = found.models.length ? n(found.models.length, "The server lists {count} model.", "The server lists {count} models.") : t("The server lists no models.");
  if (found.error) return [h("strong", {}, told(found.error)), found.detail && h("span", {}, found.detail), h("span", {}, listed)].filter(Boolean);
  const seconds = (value) => `${value.toLocaleString(locale(), { minimumFractionDigits: value < 10 ? 2 : 0, maximumFractionDigits: value < 10 ? 2 : 0 })} s`;
  return [
    h("strong", {}, t("{name} answered.", { name: found.model || t("The model") })),
    h("span", {}, `“${found.text}”`),
    h("span", {}, `${t("First token after {first}, all of it after {all}.", { first: seconds(found.first_seconds), all: seconds(found.seconds) })} ${listed}`),
  ];
}

customElements.define("docchat-models", Models);
