// Server-Sent Events out of a fetch response: its lines become {id, kind, data}.

const SILENCE = 15_000;

/** Parser of the format alone: feed text, get the events that are complete. */
export class EventParser {
  #rest = "";
  #event = { id: "", kind: "message", data: [] };

  feed(text) {
    const events = [];
    const lines = (this.#rest + text).split(/\r\n|\n|\r(?!$)/);
    this.#rest = lines.pop();
    for (const line of lines) {
      if (line === "") this.#finish(events);
      else this.#field(line);
    }
    return events;
  }

  #field(line) {
    if (line.startsWith(":")) return;
    const colon = line.indexOf(":");
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (name === "id") this.#event.id = value;
    if (name === "event") this.#event.kind = value;
    if (name === "data") this.#event.data.push(value);
  }

  #finish(events) {
    const { id, kind, data } = this.#event;
    this.#event = { id, kind: "message", data: [] };
    if (data.length) events.push({ id, kind, data: JSON.parse(data.join("\n")) });
  }
}

/** The events of a response. Ends with the stream; fails when it is silent for longer than heartbeats come. */
export async function* eventsOf(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  const parser = new EventParser();
  try {
    for (;;) {
      const { value, done } = await patiently(reader.read());
      if (done) return;
      yield* parser.feed(value);
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

function patiently(promise) {
  let timer;
  const silence = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error("silence")), SILENCE);
  });
  return Promise.race([promise, silence]).finally(() => clearTimeout(timer));
}
