// Following an answer: asks, reads its events, and takes up the thread again after a lost connection.

import { ApiError, offline, request } from "./api.js";
import { eventsOf } from "./sse.js";

const ENDS = new Set(["done", "error", "cleared"]);
const TRANSIENT = new Set([0, 502, 503, 504]);
/** How often a stream may say that the store does not answer before the answer counts as failed: about 15 seconds. */
const MOST_CUTS = 7;

/** Ask a question, or one again (`path` is "ask", or below the messages): the events of its answer. */
export function ask(session, path, body, { signal, onWaiting }) {
  const open = () => request("POST", `sessions/${session}/${path}`, { body, signal, stream: true });
  return follow(session, null, open, { signal, onWaiting });
}

/** Follow an answer that runs already, from its beginning. */
export function resume(session, run, { signal, onWaiting }) {
  return follow(session, run, () => events(session, run, null, signal), { signal, onWaiting });
}

function events(session, run, last, signal) {
  const extra = { Accept: "text/event-stream", ...(last ? { "Last-Event-ID": last } : {}) };
  return request("GET", `sessions/${session}/runs/${run}/events`, { extra, signal, stream: true });
}

async function* follow(session, run, open, { signal, onWaiting }) {
  let last = null;
  let failures = 0;
  let cuts = 0;
  let response = await open();
  for (;;) {
    try {
      for await (const event of eventsOf(response)) {
        run = event.data.run ?? (run || event.id.replace(/\.\d*$/, ""));
        if (cutShort(event) && run && cuts < MOST_CUTS) {
          cuts += 1;
          break;
        }
        if (event.id !== last) cuts = 0;
        if (failures) onWaiting(false);
        failures = cuts;
        last = event.id || last;
        yield event;
        if (ENDS.has(event.kind)) return;
      }
    } catch (error) {
      if (signal.aborted || error instanceof ApiError || error instanceof SyntaxError) throw error;
    }
    if (!run) throw offline();
    response = null;
    while (!response) {
      failures += 1;
      if (failures > 1) onWaiting(true);
      await pause(failures, signal);
      response = await reopen(session, run, last, signal);
    }
  }
}

/** The stream ended, not the answer: the store did not answer for a moment. */
function cutShort({ kind, data }) {
  return kind === "error" && data.code === "store_unavailable";
}

async function reopen(session, run, last, signal) {
  try {
    return await events(session, run, last, signal);
  } catch (error) {
    if (error instanceof ApiError && TRANSIENT.has(error.status)) return null;
    throw error;
  }
}

/** Wait a little longer each time, but not when the network has just come back. */
function pause(failures, signal) {
  const time = Math.min(200 * 2 ** (failures - 1), 4000);
  return new Promise((resolve, reject) => {
    const end = () => {
      clearTimeout(timer);
      removeEventListener("online", end);
      resolve();
    };
    const timer = setTimeout(end, time);
    addEventListener("online", end);
    signal.addEventListener("abort", () => {
      end();
      reject(new DOMException("left", "AbortError"));
    });
  });
}
