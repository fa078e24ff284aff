// A small chart of one number a day, as SVG: bars, the highest number, the first and the last day.

import { h, svg } from "./dom.js";
import { locale, t } from "./i18n.js";

const WIDTH = 360;
const HEIGHT = 96;
const FOOT = 18;
const HEAD = 16;

const dayOf = (iso, style) => new Date(`${iso}T00:00:00Z`).toLocaleDateString(locale(), { ...style, timeZone: "UTC" });

/** A day in words, "3 May 2026". */
export function longDay(iso) {
  return dayOf(iso, { dateStyle: "medium" });
}

/** A chart called `name` of `days`: [{day, value}], oldest first. It runs from left to right in every language. */
export function chart(name, days) {
  const most = Math.max(1, ...days.map(({ value }) => value));
  const total = days.reduce((so, { value }) => so + value, 0);
  const sum = total.toLocaleString(locale());
  const step = WIDTH / days.length;
  const room = HEIGHT - HEAD - FOOT;
  const bars = days.map(({ day, value }, place) => {
    const tall = value ? Math.max(1.5, (room * value) / most) : 0;
    const bar = { class: "chart-bar", x: place * step, y: HEIGHT - FOOT - tall, width: Math.max(0.7, step * 0.78), height: tall };
    return svg("rect", bar, svg("title", {}, `${longDay(day)}: ${value.toLocaleString(locale())}`));
  });
  const text = (words, x, y, anchor) => {
    const node = svg("text", { class: "chart-text", x, y, "text-anchor": anchor });
    node.textContent = words;
    return node;
  };
  const label = t("{name} by day: {sum} in {count} days, at most {most} on one day", {
    name,
    sum,
    count: days.length.toLocaleString(locale()),
    most: (total && most).toLocaleString(locale()),
  });
  const drawn = svg(
    "svg",
    { class: "chart", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": label, direction: "ltr" },
    svg("line", { class: "chart-line", x1: 0, x2: WIDTH, y1: HEAD - 2, y2: HEAD - 2 }),
    ...bars,
    svg("line", { class: "chart-foot", x1: 0, x2: WIDTH, y1: HEIGHT - FOOT, y2: HEIGHT - FOOT }),
    ...(total ? [text(most.toLocaleString(locale()), WIDTH, HEAD - 5, "end")] : []),
    text(dayOf(days[0].day, { day: "numeric", month: "short" }), 0, HEIGHT - 4, "start"),
    text(dayOf(days.at(-1).day, { day: "numeric", month: "short" }), WIDTH, HEIGHT - 4, "end"),
  );
  return h("figure", { class: "chart-figure" }, h("figcaption", {}, name, " ", h("strong", {}, sum)), drawn);
}
