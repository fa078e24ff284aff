// Which parts of a page a passage covers: from boxes of text runs to a few clean rectangles.

const NEAR = 0.6;

/**
 * Rectangles [left, top, right, bottom] in fractions of the page for the characters [start, end).
 * `boxes` are [start, end, left, top, right, bottom]; a run that is only partly quoted is cut in proportion.
 */
export function rectangles(boxes, start, end) {
  const lines = [];
  for (const [from, to, left, top, right, bottom] of boxes) {
    if (to <= start || from >= end || to <= from) continue;
    const share = (right - left) / (to - from);
    const piece = [left + Math.max(0, start - from) * share, top, right - Math.max(0, to - end) * share, bottom];
    const last = lines.at(-1);
    if (last && sameLine(last, piece)) join(last, piece);
    else lines.push(piece);
  }
  return lines;
}

/** Runs of one line overlap in height and follow each other closely. */
function sameLine(a, b) {
  const overlap = Math.min(a[3], b[3]) - Math.max(a[1], b[1]);
  const height = Math.min(a[3] - a[1], b[3] - b[1]);
  const gap = b[0] - a[2];
  return overlap > NEAR * height && gap < 0.05 && gap > -0.02;
}

function join(a, b) {
  a[0] = Math.min(a[0], b[0]);
  a[1] = Math.min(a[1], b[1]);
  a[2] = Math.max(a[2], b[2]);
  a[3] = Math.max(a[3], b[3]);
}
