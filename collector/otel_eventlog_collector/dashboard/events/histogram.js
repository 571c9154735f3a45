// Event logs over time, by status: drag over it to zoom, click a bar, or use the arrow keys.

import { element, statusMark, svg } from "../dom.js";
import { clockText, countText, dayText, shortCount, timeText } from "../text.js";
import { ticks } from "./ticks.js";

const STATUSES = ["error", "success", "start"]; // errors stand on the ground line, to be compared
const HEIGHT = 84;
const TOP = 12; // room for the label of the highest bar
const AXIS = 16; // room for the times
const BARS_MAX = 100;
const DRAG_PX = 4; // less is a click

/**
 * Make the histogram.
 * @param {{onZoom: (since: string, until: string) => void}} told times are RFC 3339
 */
export function createHistogram({ onZoom }) {
  const picture = svg("svg", { "aria-hidden": "true" });
  const tip = element("div", { class: "tip", hidden: true });
  const figure = element(
    "figure",
    { class: "histogram", tabindex: "0", role: "slider", "aria-label": "Event logs over time", "aria-valuemin": "0", "aria-valuemax": "0", "aria-valuenow": "0" },
    picture, tip,
  );
  let found = null;
  let utc = false;
  let at = -1; // the bar under the pointer or chosen by keys
  let from = -1; // where a selection began
  let dragX = null;

  const count = () => found?.buckets.length ?? 0;
  const width = () => figure.clientWidth || 1;
  // The first bar begins at a round time, mostly before the time shown, which cuts it.
  const edgeOf = (index) => {
    const edge = Date.parse(found.buckets[0].from) + index * bucketMs();
    return Math.min(Date.parse(found.until), Math.max(Date.parse(found.since), edge));
  };
  const xOf = (index) => ((edgeOf(index) - Date.parse(found.since)) * width()) / spanMs();
  const spanMs = () => Math.max(1, Date.parse(found.until) - Date.parse(found.since));
  const bucketMs = () => found.bucket_ns / 1e6;
  const indexAt = (x) => {
    const time = Date.parse(found.since) + (x / width()) * spanMs();
    const index = Math.floor((time - Date.parse(found.buckets[0].from)) / bucketMs());
    return Math.min(count() - 1, Math.max(0, index));
  };

  function draw() {
    if (!found) return;
    const totals = found.buckets.map(total);
    const highest = Math.max(1, ...totals);
    const bars = found.buckets.flatMap((bucket, index) => bar(bucket, index, highest));
    picture.setAttribute("viewBox", `0 0 ${width()} ${HEIGHT + TOP + AXIS}`);
    picture.replaceChildren(
      ...axis(), ...bars,
      svg("text", { x: 2, y: TOP - 2, class: "axis" }, highest > 1 || totals.includes(1) ? `${shortCount(highest)} highest` : ""),
      ...chosenArea(),
    );
    figure.setAttribute("aria-valuemax", String(Math.max(0, count() - 1)));
  }

  function bar(bucket, index, highest) {
    const left = xOf(index);
    const gap = (bucketMs() * width()) / spanMs() > 4 ? 1 : 0;
    let top = HEIGHT + TOP;
    return STATUSES.filter((status) => bucket.counts[status]).map((status) => {
      // What is there is seen, be it one among a million.
      const height = Math.max(1.5, (bucket.counts[status] / highest) * HEIGHT);
      top -= height;
      return svg("rect", { class: `bar-${status}`, x: left, y: top, width: Math.max(1, xOf(index + 1) - left - gap), height });
    });
  }

  function axis() {
    const y = HEIGHT + TOP;
    const marks = ticks(Date.parse(found.since), Date.parse(found.until), Math.max(2, Math.floor(width() / 110)), utc);
    return [
      svg("line", { x1: 0, x2: width(), y1: y + 0.5, y2: y + 0.5, class: "ground" }),
      ...marks.map(({ ms, text }) => {
        const x = ((ms - Date.parse(found.since)) / spanMs()) * width();
        const anchor = x < 24 ? "start" : x > width() - 30 ? "end" : "middle";
        return svg("text", { x, y: y + AXIS - 3, class: "axis", "text-anchor": anchor }, text);
      }),
    ];
  }

  function chosenArea() {
    if (at < 0) return [];
    const [first, last] = from < 0 ? [at, at] : [Math.min(at, from), Math.max(at, from)];
    return [svg("rect", { class: from < 0 ? "pointed" : "picked", x: xOf(first), y: 0, width: Math.max(2, xOf(last + 1) - xOf(first)), height: HEIGHT + TOP })];
  }

  function point(index, start = from) {
    at = index;
    from = start;
    draw();
    if (at < 0 || !count()) {
      tip.hidden = true;
      return;
    }
    const [first, last] = from < 0 ? [at, at] : [Math.min(at, from), Math.max(at, from)];
    const counts = sum(found.buckets.slice(first, last + 1));
    const span = rangeText(edgeOf(first), edgeOf(last + 1), utc);
    tip.replaceChildren(
      element("div", { class: "dim" }, span),
      ...["success", "error", "start"].map((status) => element("div", {}, statusMark(status), element("span", { class: "number" }, countText(counts[status])))),
      element("div", { class: "dim" }, from < 0 ? "click or drag to zoom" : "let go to zoom"),
    );
    tip.hidden = false;
    const middle = (xOf(first) + xOf(last + 1)) / 2;
    tip.style.left = `${Math.max(4, Math.min(middle - tip.offsetWidth / 2, width() - tip.offsetWidth - 4))}px`;
    figure.setAttribute("aria-valuenow", String(at));
    figure.setAttribute("aria-valuetext", `${span}: ${counts.error} error, ${counts.success} success, ${counts.start} start`);
  }

  function zoom() {
    if (at < 0 || !count()) return;
    const [first, last] = from < 0 ? [at, at] : [Math.min(at, from), Math.max(at, from)];
    const since = new Date(edgeOf(first)).toISOString();
    const until = new Date(edgeOf(last + 1)).toISOString();
    rest();
    onZoom(since, until);
  }

  function rest() {
    dragX = null;
    point(-1, -1);
  }

  figure.addEventListener("pointermove", (event) => {
    if (!count()) return;
    const x = event.clientX - figure.getBoundingClientRect().left;
    if (dragX !== null && from < 0 && Math.abs(x - dragX) >= DRAG_PX) from = indexAt(dragX);
    point(indexAt(x));
  });
  figure.addEventListener("pointerdown", (event) => {
    if (event.button || !count()) return;
    dragX = event.clientX - figure.getBoundingClientRect().left;
    point(indexAt(dragX), -1);
    figure.setPointerCapture(event.pointerId);
  });
  figure.addEventListener("pointerup", () => { if (dragX !== null) zoom(); });
  figure.addEventListener("pointercancel", rest);
  figure.addEventListener("pointerleave", () => { if (dragX === null) rest(); });
  figure.addEventListener("blur", rest);
  figure.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity }[event.key];
    if (step && count()) {
      const start = at < 0 ? (step > 0 && step < Infinity ? -1 : count()) : at;
      const next = Math.min(count() - 1, Math.max(0, start + step));
      point(next, event.shiftKey ? (from < 0 ? Math.max(0, at) : from) : -1);
    } else if (event.key === "Enter" && at >= 0) zoom();
    else if (event.key === "Escape" && at >= 0) rest();
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  new ResizeObserver(draw).observe(figure);

  return {
    element: figure,

    /** @param {any} answer of /api/v1/histogram @param {boolean} inUtc */
    draw(answer, inUtc) {
      found = answer;
      utc = inUtc;
      if (dragX === null) {
        if (at >= count()) at = -1;
        if (at >= 0) point(at);
        else draw();
      }
    },

    /** @param {boolean} inUtc */
    redraw(inUtc) {
      utc = inUtc;
      draw();
    },

    /** @param {boolean} isBusy the counts shown are of an older question */
    busy(isBusy) {
      figure.classList.toggle("busy", isBusy);
    },
  };
}

/**
 * The width of a bar as a parameter, where the API's own choice (a minute or more) would be coarse.
 * @param {number} span_ms
 * @returns {[string, string][]}
 */
export function bucketOf(span_ms) {
  const width_s = [1, 2, 5, 10, 15, 30].find((seconds) => span_ms / (seconds * 1000) <= BARS_MAX);
  return width_s ? [["bucket", `${width_s}s`]] : [];
}

/** @param {any} answer of /api/v1/histogram @returns {Record<string, number>} totals by status */
export function totalsOf(answer) {
  return sum(answer.buckets);
}

/** @param {number} from_ms @param {number} to_ms @param {boolean} utc @returns {string} */
export function rangeText(from_ms, to_ms, utc) {
  const digits = to_ms - from_ms < 60_000 ? 0 : -1;
  const day = dayText(from_ms, utc);
  if (to_ms - from_ms >= 86_400_000) return `${timeText(from_ms, utc).slice(0, 16)} – ${timeText(to_ms, utc).slice(0, 16)}`;
  return `${day} ${clockText(from_ms, utc, { digits })} – ${clockText(to_ms, utc, { digits })}`;
}

function total(bucket) {
  return STATUSES.reduce((number, status) => number + (bucket.counts[status] || 0), 0);
}

function sum(buckets) {
  const counts = { start: 0, success: 0, error: 0 };
  for (const bucket of buckets) for (const status of STATUSES) counts[status] += bucket.counts[status] || 0;
  return counts;
}
