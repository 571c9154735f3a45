// The table of actions: one line each, sorted as one likes, every figure a way to its event logs.

import { element, icon } from "../dom.js";
import { choose, withoutKey } from "../query.js";
import { countText, durationText, shortCount } from "../text.js";
import { sparkline } from "./sparkline.js";

const REASONS_SHOWN = 3;
const SKELETON_ROWS = 8;

/**
 * What a column is sorted by, and which way first.
 * @type {Record<string, {title: string, class: string, value?: (line: any) => any, isText?: boolean, note?: string}>}
 */
const COLUMNS = {
  action: { title: "Action", class: "action", value: (line) => line.action, isText: true },
  requests: { title: "Requests", class: "number", value: (line) => line.requests },
  over_time: { title: "Over time", class: "over-time" },
  error_rate: { title: "Errors", class: "number", value: (line) => line.error_rate ?? -1, note: "Errors of all that finished" },
  p50: { title: "p50", class: "number", value: (line) => line.p50_ns ?? -1, note: "Half of all took no longer" },
  p95: { title: "p95", class: "number", value: (line) => line.p95_ns ?? -1, note: "95 of 100 took no longer" },
  reasons: { title: "Most frequent reasons", class: "reasons" },
};
export const SORT_DEFAULT = "-requests";

/**
 * Make the table.
 * @param {{onSort: (sort: string) => void, href: (changes: {q: string}) => string}} told
 *   href: address of the event logs for a search
 */
export function createActionTable({ onSort, href }) {
  const heads = Object.entries(COLUMNS).map(([name, column]) => head(name, column, onSort));
  const body = element("tbody", {});
  const table = element("table", { class: "actions-table" }, element("thead", {}, element("tr", {}, ...heads)), body);
  let lines = [];
  let sort = SORT_DEFAULT;
  let q = "";

  function redraw() {
    for (const cell of heads) {
      if (!COLUMNS[cell.dataset.column].value) continue;
      const isMine = sort.replace("-", "") === cell.dataset.column;
      if (isMine) cell.setAttribute("aria-sort", sort.startsWith("-") ? "descending" : "ascending");
      else cell.removeAttribute("aria-sort");
    }
    body.replaceChildren(...sorted(lines, sort).map((line) => row(line, q, href)));
  }

  return {
    element: table,
    /** @param {{lines: any[], sort: string, q: string}} next */
    draw(next) {
      lines = next.lines;
      sort = next.sort || SORT_DEFAULT;
      q = next.q;
      redraw();
    },
    /** Show that it is being counted for the first time. */
    wait() {
      const blank = () => element("tr", { class: "waiting" }, ...Object.values(COLUMNS).map((column) => element("td", { class: column.class }, element("div", { class: "skeleton" }))));
      body.replaceChildren(...Array.from({ length: SKELETON_ROWS }, blank));
    },
    /** @returns {boolean} whether somebody's focus is in a line, which drawing would take away */
    hasFocus: () => body.contains(document.activeElement),
  };
}

function head(name, column, onSort) {
  if (!column.value) return element("th", { scope: "col", class: column.class, dataset: { column: name } }, column.title);
  const button = element("button", { type: "button", class: "quiet sort", title: column.note ? `${column.note}; click to sort` : "Click to sort" }, column.title, icon("chevron"));
  const cell = element("th", { scope: "col", class: column.class, dataset: { column: name } }, button);
  button.addEventListener("click", () => {
    const now = cell.getAttribute("aria-sort");
    const isDown = now ? now === "ascending" : !column.isText;
    onSort(`${isDown ? "-" : ""}${name}`);
  });
  return cell;
}

function sorted(lines, sort) {
  const name = sort.replace("-", "");
  const value = COLUMNS[name]?.value ?? COLUMNS.requests.value;
  const way = sort.startsWith("-") ? -1 : 1;
  const compared = (one, other) => (value(one) < value(other) ? -1 : value(one) > value(other) ? 1 : 0);
  return [...lines].sort((one, other) => way * compared(one, other) || (one.action < other.action ? -1 : 1));
}

function row(line, q, href) {
  const mine = choose(withoutKey(q, "action"), "action", line.action, "include");
  const errors = choose(withoutKey(mine, "status"), "status", "error", "include");
  const meaning = line.meaning ? element("span", { class: "meaning" }, ` · ${line.meaning}`) : null;
  return element(
    "tr", { dataset: { action: line.action } },
    element(
      "th", { scope: "row", class: "action" },
      element("a", { class: "whole", href: href({ q: mine }), title: line.meaning || line.action }, ...breakable(line.action)),
      element("div", { class: "dim" }, line.category, meaning),
    ),
    element("td", { class: "number" }, countText(line.requests), element("div", { class: "dim" }, perMinute(line.requests_per_min))),
    element("td", { class: "over-time" }, sparkline(line.slices)),
    element("td", { class: "number" }, ...errorRate(line, href({ q: errors }))),
    element("td", { class: "number", title: duration(line.p50_ns) }, durationText(line.p50_ns) || "–"),
    element("td", { class: "number", title: duration(line.p95_ns) }, durationText(line.p95_ns) || "–"),
    element("td", { class: "reasons" }, element("div", { class: "reason-list" }, ...line.error_types.slice(0, REASONS_SHOWN).map((reason) => reasonLink(reason, line, errors, href)))),
  );
}

// CamelCase may be broken before a capital letter where there is no room.
function breakable(name) {
  return name.split(/(?=[A-Z][a-z])/).flatMap((word, at) => (at ? [element("wbr"), word] : [word]));
}

function errorRate(line, address) {
  if (line.error_rate === null) return [element("span", { class: "dim" }, "–")];
  if (!line.error) return [element("span", { class: "dim" }, "0 %")];
  return [
    element("a", { class: "error-rate", href: address, title: `${countText(line.error)} errors of ${countText(line.error + line.success)} that finished` }, percentText(line.error_rate)),
    element("div", { class: "dim" }, shortCount(line.error)),
  ];
}

function reasonLink({ value, count }, line, errors, href) {
  const share = percentText(count / line.error);
  if (value === null) return element("span", { class: "reason dim" }, "no reason told ", element("span", {}, share));
  const q = choose(withoutKey(errors, "error_type"), "error_type", value, "include");
  return element("a", { class: "reason", href: href({ q }), title: `${value}: ${countText(count)} errors` }, element("span", { class: "name" }, value), " ", element("span", { class: "dim" }, share));
}

function duration(nanoseconds) {
  return nanoseconds === null ? "No outcome told how long it took" : `${countText(Math.round(nanoseconds / 1000))} µs`;
}

/** 14.2 %, <0.1 % @param {number} part @returns {string} */
export function percentText(part) {
  const percent = part * 100;
  if (percent > 0 && percent < 0.1) return "<0.1 %";
  return `${percent >= 99.95 || percent === 0 ? percent.toFixed(0) : percent.toFixed(1)} %`;
}

/** 1.2/min, 24/s, 3/h @param {number|null} rate per minute @returns {string} */
export function perMinute(rate) {
  if (!rate) return "0/min";
  if (rate >= 600) return `${shortCount(Math.round(rate / 60))}/s`;
  if (rate >= 1) return `${rate.toFixed(rate < 10 ? 1 : 0)}/min`;
  const hourly = rate * 60;
  return hourly >= 1 ? `${hourly.toFixed(hourly < 10 ? 1 : 0)}/h` : `${(hourly * 24).toFixed(1)}/d`;
}
