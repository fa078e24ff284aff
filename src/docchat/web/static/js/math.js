// Mathematics of an answer: the TeX that people and models write, as MathML. Builds nodes only; what it does not know is
// shown as it was written.

import { ACCENTS, DOUBLE, FENCES, INTEGRALS, LARGE, LETTERS, LIMITS, NAMES, SIGNS, SPACES, STYLES } from "./math-words.js";

const MATHML = "http://www.w3.org/1998/Math/MathML";
const TOKEN = /\\(?:begin|end)\s*\{([a-z]+\*?)\}|\\([a-zA-Z]+)\s*|\\([^a-zA-Z])|(\d+(?:[.,]\d+)*)|(\s+)|([\s\S])/gu;
const LONGEST = 4000;
const DEPTH = 40;
/** Fences and column alignment of the environments. */
const GRIDS = {
  matrix: ["", ""], pmatrix: ["(", ")"], bmatrix: ["[", "]"], Bmatrix: ["{", "}"], vmatrix: ["|", "|"], Vmatrix: ["‖", "‖"], smallmatrix: ["", ""],
  array: ["", ""], cases: ["{", "", "left"], aligned: ["", "", "sides"], align: ["", "", "sides"], split: ["", "", "sides"], gathered: ["", ""], gather: ["", ""], equation: ["", ""],
};

/** TeX that this does not show. */
class Unknown extends Error {}

/** The <math> of a formula, null when it holds what cannot be shown. `display`: on a line of its own. */
export function math(source, display) {
  if (source.length > LONGEST || !source.trim()) return null;
  try {
    const parser = new Parser(source);
    const children = parser.row(() => parser.over);
    const attributes = display ? { display: "block", class: "formula", tabindex: "0" } : {};
    return node("math", attributes, node("mrow", {}, ...children));
  } catch (error) {
    if (error instanceof Unknown) return null;
    throw error;
  }
}

function node(tag, attributes = {}, ...children) {
  const made = document.createElementNS(MATHML, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

const one = (nodes) => (nodes.length === 1 ? nodes[0] : node("mrow", {}, ...nodes));
const upright = (text) => node("mi", { mathvariant: "normal" }, text);
const fence = (text, stretchy = true) => node("mo", { fence: "true", stretchy: String(stretchy) }, text);

function tokens(source) {
  const found = [];
  for (const match of source.matchAll(TOKEN)) {
    const [whole, environment, command, sign, number, blank, character] = match;
    const place = { from: match.index, to: match.index + whole.length };
    if (environment) found.push({ kind: whole.startsWith("\\b") ? "begin" : "end", text: environment, ...place });
    else if (command) found.push({ kind: "command", text: command, ...place });
    else if (sign) found.push({ kind: "command", text: sign, ...place });
    else if (number) found.push({ kind: "number", text: number, ...place });
    else if (character && character !== "\u0000") found.push({ kind: "character", text: character, ...place });
    else if (!blank) throw new Unknown(whole);
  }
  return found;
}

class Parser {
  #source;
  #tokens;
  #at = 0;
  #depth = 0;

  constructor(source) {
    this.#source = source;
    this.#tokens = tokens(source);
  }

  get over() {
    return this.#at >= this.#tokens.length;
  }

  get #next() {
    return this.#tokens[this.#at];
  }

  #is(text, kind = "character") {
    return !this.over && this.#next.kind === kind && this.#next.text === text;
  }

  #take() {
    if (this.over) throw new Unknown("end");
    this.#at += 1;
    return this.#tokens[this.#at - 1];
  }

  #expect(text) {
    if (!this.#is(text)) throw new Unknown(text);
    this.#at += 1;
  }

  /** Nodes until `stop()`. */
  row(stop) {
    this.#depth += 1;
    if (this.#depth > DEPTH) throw new Unknown("depth");
    const nodes = [];
    while (!stop()) nodes.push(...this.#item());
    this.#depth -= 1;
    return nodes;
  }

  /** One thing with what stands below and above it. */
  #item() {
    const base = this.#is("_") || this.#is("^") ? node("mrow") : this.#atom();
    if (!base) return [];
    let [below, above] = [null, null];
    for (;;) {
      if (this.#is("_") && !below) below = this.#script();
      else if (this.#is("^") && !above) above = this.#script();
      else if (this.#is("'")) above = above ? node("mrow", {}, above, this.#primes()) : this.#primes();
      else break;
    }
    if (!below && !above) return [base];
    const limits = base.docchatLimits;
    if (below && above) return [node(limits ? "munderover" : "msubsup", {}, base, below, above)];
    return below ? [node(limits ? "munder" : "msub", {}, base, below)] : [node(limits ? "mover" : "msup", {}, base, above)];
  }

  #script() {
    this.#at += 1;
    return this.#argument();
  }

  #primes() {
    let count = 0;
    while (this.#is("'")) {
      this.#at += 1;
      count += 1;
    }
    return node("mo", {}, "′".repeat(count));
  }

  /** {…}, or the one thing that follows. */
  #argument() {
    if (this.#next?.kind === "number" && this.#next.text.length > 1) return this.#digit();
    if (!this.#is("{")) {
      const atom = this.#atom();
      if (!atom) throw new Unknown("argument");
      return atom;
    }
    this.#at += 1;
    const nodes = this.row(() => this.over || this.#is("}"));
    this.#expect("}");
    return one(nodes);
  }

  /** \frac12 is a half: without braces one digit is meant. */
  #digit() {
    const number = this.#next;
    this.#tokens[this.#at] = { ...number, text: number.text.slice(1), from: number.from + 1 };
    return node("mn", {}, number.text[0]);
  }

  /** The text of {…} as it was written. */
  #words() {
    this.#expect("{");
    const from = this.#next?.from ?? 0;
    let open = 1;
    for (;;) {
      const token = this.#take();
      if (token.text === "{" && token.kind === "character") open += 1;
      if (token.text === "}" && token.kind === "character") open -= 1;
      if (!open) return this.#source.slice(Math.min(from, token.from), token.from);
    }
  }

  /** One node; null for what shows nothing. */
  #atom() {
    const token = this.#take();
    if (token.kind === "number") return node("mn", {}, token.text);
    if (token.kind === "begin") return this.#grid(token.text);
    if (token.kind === "end") throw new Unknown("end");
    return token.kind === "command" ? this.#command(token.text) : this.#character(token.text);
  }

  #character(text) {
    if (text === "{") {
      this.#at -= 1;
      return this.#argument();
    }
    if (text === "}" || text === "&" || text === "#" || text === "%" || text === "$") throw new Unknown(text);
    if (text === "~") return node("mspace", { width: SPACES.get("~") });
    if (/\p{L}/u.test(text)) return node("mi", {}, text);
    if (/\p{N}/u.test(text)) return node("mn", {}, text);
    if ("()[]|".includes(text)) return fence(text, false);
    return node("mo", {}, { "-": "−", "*": "∗", "'": "′" }[text] ?? text);
  }

  #command(name) {
    if (LETTERS.has(name)) return /^[A-Z]/.test(name) ? upright(LETTERS.get(name)) : node("mi", {}, LETTERS.get(name));
    if (SIGNS.has(name)) return node("mo", {}, SIGNS.get(name));
    if (LARGE.has(name)) return this.#large(LARGE.get(name));
    if (NAMES.has(name) || LIMITS.has(name)) return this.#named(name, LIMITS.has(name));
    if (FENCES.has(name)) return fence(FENCES.get(name), false);
    if (ACCENTS.has(name)) return node("mover", { accent: "true" }, this.#argument(), node("mo", { stretchy: String(/^(wide|over)/.test(name)) }, ACCENTS.get(name)));
    if (SPACES.has(name)) return node("mspace", { width: SPACES.get(name) });
    if (STYLES[name]) return node("mi", { mathvariant: "normal" }, styled(this.#plain(), STYLES[name]));
    return this.#structure(name);
  }

  #structure(name) {
    switch (name) {
      case "frac": case "dfrac": case "tfrac": case "cfrac":
        return node("mfrac", {}, this.#argument(), this.#argument());
      case "binom":
        return node("mrow", {}, fence("("), node("mfrac", { linethickness: "0" }, this.#argument(), this.#argument()), fence(")"));
      case "sqrt":
        return this.#root();
      case "left":
        return this.#fenced();
      case "text": case "textbf": case "textit": case "textrm": case "mbox":
        return node("mtext", {}, this.#words().replace(/\\([%$&#_{}])/g, "$1").replaceAll(" ", "\u00a0"));
      case "mathrm": case "operatorname": case "mathit":
        return node("mi", { mathvariant: "normal" }, this.#plain());
      case "underline":
        return node("munder", {}, this.#argument(), node("mo", { stretchy: "true" }, "_"));
      case "underbrace": case "overbrace": {
        const [tag, brace] = name === "underbrace" ? ["munder", "⏟"] : ["mover", "⏞"];
        return limited(node(tag, {}, this.#argument(), node("mo", { stretchy: "true" }, brace)));
      }
      case "stackrel": case "overset": {
        const above = this.#argument();
        return node("mover", {}, this.#argument(), above);
      }
      case "underset": {
        const below = this.#argument();
        return node("munder", {}, this.#argument(), below);
      }
      case "not":
        return node("mo", {}, `${this.#argument().textContent}\u0338`);
      case "boxed":
        return node("mrow", { class: "boxed" }, this.#argument());
      case "pmod":
        return node("mrow", {}, fence("("), upright("mod"), node("mspace", { width: "0.333em" }), this.#argument(), fence(")"));
      case "bmod": case "mod":
        return node("mo", { lspace: "0.25em", rspace: "0.25em" }, "mod");
      case "|":
        return fence("‖", false);
      case "{": case "}":
        return fence(name, false);
      case "%": case "$": case "&": case "#": case "_":
        return node("mo", {}, name);
      case "big": case "Big": case "bigg": case "Bigg": case "bigl": case "bigr": case "Bigl": case "Bigr": case "middle":
        return fence(this.#fence());
      case "!": case "displaystyle": case "textstyle": case "limits": case "nolimits": case "nonumber":
        return null;
      default:
        throw new Unknown(name);
    }
  }

  #large(sign) {
    const made = node("mo", { largeop: "true", movablelimits: "true" }, sign);
    return INTEGRALS.has(sign) ? made : limited(made);
  }

  #named(name, limits) {
    const made = node("mi", {}, name.replace(/^(lim|arg)(sup|inf|max|min)$/, "$1\u2009$2"));
    return limits ? limited(made) : made;
  }

  /** The letters of an argument, without blanks. */
  #plain() {
    const words = this.#is("{") ? this.#words() : this.#take().text;
    if (/[\\{}^&]/.test(words)) throw new Unknown(words);
    return words.trim();
  }

  #root() {
    if (!this.#is("[")) return node("msqrt", {}, this.#argument());
    this.#at += 1;
    const index = this.row(() => this.over || this.#is("]"));
    this.#expect("]");
    return node("mroot", {}, this.#argument(), one(index));
  }

  #fence() {
    const { kind, text } = this.#take();
    if (kind === "command") return text === "|" ? "‖" : (FENCES.get(text) ?? (["{", "}"].includes(text) ? text : SIGNS.get(text) ?? ""));
    return text === "." ? "" : text === "<" ? "⟨" : text === ">" ? "⟩" : text;
  }

  #fenced() {
    const open = this.#fence();
    const inside = this.row(() => this.over || this.#is("right", "command"));
    if (this.#take().text !== "right") throw new Unknown("left");
    const close = this.#fence();
    return node("mrow", {}, open ? fence(open) : "", ...inside, close ? fence(close) : "");
  }

  #grid(name) {
    const [open, close, sides] = GRIDS[name.replace("*", "")] ?? [];
    if (open === undefined) throw new Unknown(name);
    if (name === "array" && this.#is("{")) this.#words();
    const ends = () => this.over || this.#is(name, "end");
    const rows = [[[]]];
    while (!ends()) {
      if (this.#is("&")) {
        this.#at += 1;
        rows.at(-1).push([]);
      } else if (this.#is("\\", "command")) {
        this.#at += 1;
        rows.push([[]]);
      } else if (this.#is("hline", "command")) {
        this.#at += 1;
      } else {
        rows.at(-1).at(-1).push(...this.row(() => ends() || this.#is("&") || this.#is("\\", "command") || this.#is("hline", "command")));
      }
    }
    this.#take();
    if (rows.length > 1 && rows.at(-1).every((cell) => !cell.length)) rows.pop();
    const table = node("mtable", sides ? { class: `math-${sides}`, displaystyle: String(sides === "sides") } : {}, ...rows.map((row) => node("mtr", {}, ...row.map((cell) => node("mtd", {}, ...cell)))));
    return node("mrow", {}, open ? fence(open) : "", table, close ? fence(close) : "");
  }
}

function limited(made) {
  made.docchatLimits = true;
  return made;
}

/** Letters and digits of a mathematical alphabet; the rest stays. */
function styled(text, [capital, small, digit]) {
  const shifted = (character) => {
    const code = character.codePointAt(0);
    if (capital === 0x1d538 && DOUBLE.has(character)) return DOUBLE.get(character);
    if (/[A-Z]/.test(character)) return String.fromCodePoint(capital + code - 65);
    if (/[a-z]/.test(character)) return String.fromCodePoint(small + code - 97);
    return digit && /\d/.test(character) ? String.fromCodePoint(digit + code - 48) : character;
  };
  return [...text].map(shifted).join("");
}
