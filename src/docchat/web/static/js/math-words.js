// What the commands of TeX stand for that docchat shows: letters, operators, accents, fences.

const list = (text) => new Map(text.trim().split(/\s+/).map((entry) => entry.split("=")));

/** Letters: \alpha is an identifier. */
export const LETTERS = list(`
  alpha=α beta=β gamma=γ delta=δ epsilon=ϵ varepsilon=ε zeta=ζ eta=η theta=θ vartheta=ϑ iota=ι kappa=κ lambda=λ mu=μ nu=ν
  xi=ξ pi=π varpi=ϖ rho=ρ varrho=ϱ sigma=σ varsigma=ς tau=τ upsilon=υ phi=ϕ varphi=φ chi=χ psi=ψ omega=ω
  Gamma=Γ Delta=Δ Theta=Θ Lambda=Λ Xi=Ξ Pi=Π Sigma=Σ Upsilon=Υ Phi=Φ Psi=Ψ Omega=Ω
  infty=∞ partial=∂ nabla=∇ hbar=ℏ ell=ℓ Re=ℜ Im=ℑ aleph=ℵ emptyset=∅ varnothing=∅ imath=ı jmath=ȷ
  angle=∠ triangle=△ square=□ checkmark=✓ degree=° pounds=£ euro=€ dots=… ldots=… cdots=⋯ vdots=⋮ ddots=⋱ top=⊤ bot=⊥`);

/** Signs: \times is an operator. */
export const SIGNS = list(`
  times=× cdot=⋅ div=÷ pm=± mp=∓ ast=∗ star=⋆ circ=∘ bullet=∙ oplus=⊕ ominus=⊖ otimes=⊗ odot=⊙ setminus=∖ wedge=∧ land=∧ vee=∨ lor=∨
  cap=∩ cup=∪ sqcap=⊓ sqcup=⊔ le=≤ leq=≤ leqslant=≤ ge=≥ geq=≥ geqslant=≥ ne=≠ neq=≠ ll=≪ gg=≫ equiv=≡ approx=≈ sim=∼ simeq=≃ cong=≅
  propto=∝ asymp=≍ doteq=≐ prec=≺ succ=≻ subset=⊂ supset=⊃ subseteq=⊆ supseteq=⊇ in=∈ notin=∉ ni=∋ mid=∣ nmid=∤ parallel=∥ perp=⟂ models=⊨
  vdash=⊢ forall=∀ exists=∃ nexists=∄ neg=¬ lnot=¬ to=→ rightarrow=→ leftarrow=← gets=← leftrightarrow=↔ longrightarrow=⟶ longleftarrow=⟵
  Rightarrow=⇒ Leftarrow=⇐ Leftrightarrow=⇔ implies=⟹ iff=⟺ Longrightarrow=⟹ mapsto=↦ uparrow=↑ downarrow=↓ rightleftharpoons=⇌
  hookrightarrow=↪ therefore=∴ because=∵ colon=: prime=′ dagger=† amalg=⨿ xrightarrow=→`);

/** Signs with limits below and above where there is room. */
export const LARGE = list(`
  sum=∑ prod=∏ coprod=∐ bigcup=⋃ bigcap=⋂ bigvee=⋁ bigwedge=⋀ bigoplus=⨁ bigotimes=⨂ int=∫ iint=∬ iiint=∭ oint=∮`);

/** Signs whose limits stand beside them all the same. */
export const INTEGRALS = new Set("∫∬∭∮");

/** Upright names; those of LIMITS have what belongs to them below. */
export const NAMES = new Set("arccos arcsin arctan arg cos cosh cot coth csc deg dim exp hom ker lg ln log sec sin sinh tan tanh".split(" "));
export const LIMITS = new Set("lim limsup liminf max min sup inf det gcd Pr argmax argmin".split(" "));

export const FENCES = list(`
  langle=⟨ rangle=⟩ lceil=⌈ rceil=⌉ lfloor=⌊ rfloor=⌋ lvert=| rvert=| vert=| lVert=‖ rVert=‖ Vert=‖ lbrace={ rbrace=} lbrack=[ rbrack=]`);

export const ACCENTS = list("hat=^ widehat=^ bar=¯ overline=¯ vec=→ overrightarrow=→ dot=˙ ddot=¨ tilde=~ widetilde=~ check=ˇ breve=˘ acute=´ grave=` mathring=˚");

export const SPACES = new Map([[",", "0.167em"], [":", "0.222em"], [">", "0.222em"], [";", "0.278em"], [" ", "0.333em"], ["quad", "1em"], ["qquad", "2em"], ["~", "0.333em"]]);

/** Styles of letters, as offsets of capital, small letter and digit in Unicode's mathematical alphabets. */
export const STYLES = {
  mathbf: [0x1d400, 0x1d41a, 0x1d7ce],
  boldsymbol: [0x1d400, 0x1d41a, 0x1d7ce],
  bm: [0x1d400, 0x1d41a, 0x1d7ce],
  mathbb: [0x1d538, 0x1d552, 0x1d7d8],
  mathcal: [0x1d4d0, 0x1d4ea, null],
  mathscr: [0x1d4d0, 0x1d4ea, null],
  mathfrak: [0x1d56c, 0x1d586, null],
  mathsf: [0x1d5a0, 0x1d5ba, 0x1d7e2],
  mathtt: [0x1d670, 0x1d68a, 0x1d7f6],
};

/** Where Unicode has a letter outside its alphabet. */
export const DOUBLE = new Map([["C", "ℂ"], ["H", "ℍ"], ["N", "ℕ"], ["P", "ℙ"], ["Q", "ℚ"], ["R", "ℝ"], ["Z", "ℤ"]]);
