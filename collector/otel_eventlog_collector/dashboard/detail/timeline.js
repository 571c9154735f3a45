// A request on a small line of time, with the other requests of its trace below it.

import { element, statusMark } from "../dom.js";
import { clockText, durationText } from "../text.js";

const OTHERS_MAX = 12;
const NEVER_MS = 1; // a line of no length is drawn with one

/**
 * Draw it.
 * @param {any} found answer of /api/v1/requests/{id}
 * @param {{utc: boolean, hrefOf: (requestId: string) => string}} how
 * @returns {HTMLElement}
 */
export function timeline(found, { utc, hrefOf }) {
  const all = [found, ...found.neighbours.slice(0, OTHERS_MAX)].map((one) => ({ one, ...spanOf(one) }));
  const from = Math.min(...all.map((each) => each.from));
  const to = Math.max(from + NEVER_MS, ...all.map((each) => each.to));
  const lines = all.map((each) => line(each, from, to, each.one === found ? null : hrefOf(each.one.request_id)));
  return element(
    "section", { class: "timeline", "aria-label": "Timeline" },
    element("div", { class: "ends dim number" }, element("span", {}, clockText(from, utc)), element("span", {}, durationText((to - from) * 1e6)), element("span", {}, clockText(to, utc))),
    ...lines,
    found.neighbours.length > OTHERS_MAX && element("p", { class: "dim" }, `and ${found.neighbours.length - OTHERS_MAX} more of this trace`),
  );
}

// Milliseconds, with the fraction that nanoseconds leave. Without an outcome there is only a beginning.
function spanOf(one) {
  const duration_ms = (one.duration_ns ?? 0) / 1e6;
  const from = one.start ? momentMs(one.start.time) : momentMs(one.outcome.time) - duration_ms;
  return { from, to: from + duration_ms };
}

function momentMs(iso) {
  return Date.parse(iso.slice(0, 19) + "Z") + Number("0" + iso.slice(19, -1)) * 1000;
}

function line({ one, from, to }, first, last, href) {
  const state = one.state === "finished" ? one.status : one.state;
  const bar = element("span", { class: `span ${state}` });
  const left = ((from - first) / (last - first)) * 100;
  bar.style.left = `${Math.min(left, 99)}%`;
  bar.style.width = one.state === "finished" ? `${((to - from) / (last - first)) * 100}%` : `${100 - Math.min(left, 99)}%`;
  const name = element("span", { class: "name" }, one.action);
  return element(
    href ? "a" : "div", { class: href ? "lane other" : "lane", href, title: href ? "Open this request" : null },
    element("span", { class: "lane-name" }, statusMark(state), name, element("span", { class: "number dim" }, durationText(one.duration_ns))),
    element("span", { class: "track", "aria-hidden": "true" }, bar),
  );
}
