// How an action went over the time: a bar for each slice, errors at the bottom.

import { svg } from "../dom.js";

const WIDTH = 148;
const HEIGHT = 28;
const GAP = 1;

/**
 * Draw it. The numbers beside it say the same, so it is decoration to those who do not see it.
 * @param {{start: number[], success: number[], error: number[]}} slices
 * @returns {SVGElement}
 */
export function sparkline(slices) {
  const number = slices.error.length;
  const totals = slices.error.map((errors, at) => Math.max(errors + slices.success[at], slices.start[at]));
  const most = Math.max(1, ...totals);
  const step = WIDTH / Math.max(1, number);
  const bars = totals.flatMap((total, at) => {
    const rest = total - slices.error[at];
    const errors = height(slices.error[at], most);
    return [bar("bar-error", at * step, step, 0, errors), bar("bar-quiet", at * step, step, errors, height(rest, most))];
  });
  return svg(
    "svg", { class: "sparkline", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", "aria-hidden": "true" },
    svg("line", { class: "ground", x1: 0, x2: WIDTH, y1: HEIGHT - 0.5, y2: HEIGHT - 0.5 }), ...bars,
  );
}

// A single event log is seen, however many there are elsewhere.
function height(events, most) {
  return events ? Math.max(1.5, (events / most) * (HEIGHT - 2)) : 0;
}

function bar(kind, x, step, below, tall) {
  if (!tall) return null;
  return svg("rect", { class: kind, x, width: Math.max(0.6, step - GAP), y: HEIGHT - 1 - below - tall, height: tall });
}
