// Calls to the server: the one place for headers, the CSRF token and what a failure means in words.

import { emit } from "./bus.js";
import { context } from "./context.js";
import { t } from "./i18n.js";

const PATIENCE = 30_000;

/** A call that failed; `status` is 0 when there was no answer at all. */
export class ApiError extends Error {
  constructor(message, { status = 0, code = "", successor = null, after = null } = {}) {
    super(message);
    this.status = status;
    this.code = code;
    this.successor = successor;
    /** Seconds until it is worth trying again, when the server says so. */
    this.after = after;
  }
}

/** Whether a call that failed may have done its work all the same: only its answer is known to be lost. */
export function unsure(error) {
  return !(error instanceof ApiError) || error.status === 0 || (error.status >= 500 && error.code !== "overloaded");
}

const WORDS = {
  401: t("Your sign-in has ended."),
  403: t("The server refused this."),
  404: t("There is nothing here."),
  413: t("This is too large."),
  429: t("This was too often."),
  502: t("The server behind this page does not answer."),
  503: t("The server is busy. Please try again."),
  507: t("The disk of the server is full."),
};

function token() {
  return document.querySelector('meta[name="csrf-token"]')?.content ?? "";
}

/** Headers of every call; the host's CSRF token goes along when the page has one. */
export function headers(extra = {}) {
  const csrf = token();
  return { Accept: "application/json", ...(csrf ? { "X-CSRFToken": csrf } : {}), ...extra };
}

/** Hosts renew their CSRF token at sign-in and after an hour: read it from a fresh page. */
export async function refreshToken() {
  const before = token();
  if (!before) return false;
  try {
    const response = await fetch(context().root, { credentials: "same-origin", cache: "no-store" });
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    const fresh = page.querySelector('meta[name="csrf-token"]')?.content;
    if (!response.ok || !fresh) return false;
    document.querySelector('meta[name="csrf-token"]').content = fresh;
    return true;
  } catch {
    return false;
  }
}

/** The error that an answer of the server stands for. */
export function errorOf(status, body, after = null) {
  const error = new ApiError(body?.error || WORDS[status] || t("Something went wrong on the server."), {
    status,
    code: body?.code ?? "",
    successor: body?.successor ?? null,
    after: Number(after) || null,
  });
  if (status === 401) emit("signed-out");
  return error;
}

/** The error of a call that got no answer. */
export function offline() {
  const words = navigator.onLine ? t("The server cannot be reached.") : t("You are offline.");
  return new ApiError(words, { code: "offline" });
}

async function send(method, path, { body, extra, signal, stream, keepalive = false, patience: milliseconds = PATIENCE }) {
  const patience = stream ? null : AbortSignal.timeout(milliseconds);
  const signals = [signal, patience].filter(Boolean);
  const call = Symbol(path);
  let reached = false;
  emit("call-began", { call });
  try {
    const response = await fetch(context().api + path, {
      method,
      credentials: "same-origin",
      cache: "no-store",
      keepalive,
      headers: headers({ ...(body === undefined ? {} : { "Content-Type": "application/json" }), ...extra }),
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: signals.length ? AbortSignal.any(signals) : undefined,
    });
    // A gateway that answers in the place of the server behind it says that this one is away.
    reached = response.status !== 502 && response.status !== 504;
    return response;
  } catch (error) {
    if (signal?.aborted) reached = null;
    if (signal?.aborted) throw error;
    if (patience?.aborted) throw new ApiError(t("The server did not answer in time."), { code: "timeout" });
    throw offline();
  } finally {
    emit("call-ended", { call, reached });
  }
}

async function jsonOf(response) {
  try {
    return await response.json();
  } catch {
    return null;
  }
}

/** Send a request; resolves to the Response. Raises ApiError, and emits `signed-out` on 401. */
export async function request(method, path, options = {}) {
  let response = await send(method, path, options);
  if (response.ok && !response.redirected) return response;
  let body = await jsonOf(response);
  // An answer that is not ours came from the host: a refused CSRF token, or its sign-in page.
  if ((response.status === 400 || response.status === 403) && !body?.code && (await refreshToken())) {
    response = await send(method, path, options);
    if (response.ok && !response.redirected) return response;
    body = await jsonOf(response);
  }
  throw errorOf(response.redirected ? 401 : response.status, body, response.headers.get("Retry-After"));
}

async function json(method, path, options) {
  const response = await request(method, path, options);
  const body = await jsonOf(response);
  if (body === null) throw new ApiError(t("The server gave an answer that makes no sense."), { status: response.status });
  return body;
}

export const get = (path, options) => json("GET", path, options);
export const post = (path, body = {}, options = {}) => json("POST", path, { body, ...options });
export const patch = (path, body) => json("PATCH", path, { body });
export const put = (path, body, options = {}) => json("PUT", path, { body, ...options });
