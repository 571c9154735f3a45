// The columns of the table: which there are, what stands in each.

import { element, icon, statusMark } from "../dom.js";
import { COLUMNS_DEFAULT, FIELDS, RESULT, labelOf } from "../fields.js";
import { popover } from "../popover.js";
import { clockText, dayText, durationText } from "../text.js";
import { stateNow } from "./requests.js";

const FIXED = "time"; // without it a row says little
const WIDTH_OTHER = "150px";
const ROW_PADDING_PX = 12; // both sides, as in table.css
const WIDTH_DAY = "172px"; // of a time with its day

/**
 * The columns of a state, unknown names left out.
 * @param {string} text comma-separated names
 * @returns {string[]}
 */
export function columnsOf(text) {
  const named = text.split(",").filter((name) => name in FIELDS || name === "result");
  return named.length ? [...new Set([FIXED, ...named])] : COLUMNS_DEFAULT;
}

/**
 * The tracks of the CSS grid.
 * @param {string[]} columns
 * @param {boolean} withDay
 * @returns {string}
 */
export function tracks(columns, withDay) {
  return columns.map((name) => {
    if (name === "result") return RESULT.width;
    return name === "time" && withDay ? WIDTH_DAY : FIELDS[name]?.width ?? WIDTH_OTHER;
  }).join(" ");
}

/**
 * The least width of all columns: below it the table scrolls sideways.
 * @param {string[]} columns
 * @param {boolean} withDay
 * @returns {number} pixels
 */
export function leastWidth(columns, withDay) {
  const least = tracks(columns, withDay).matchAll(/(\d+)px/g);
  return [...least].reduce((sum, [, px]) => sum + Number(px), ROW_PADDING_PX);
}

/**
 * The line above the rows. The list is sorted by time; a click on that column turns it round.
 * @param {string[]} columns
 * @param {{isOldestFirst: boolean, onTurn: () => void}} order
 * @returns {HTMLElement[]}
 */
export function headers(columns, { isOldestFirst, onTurn }) {
  return columns.map((name) => {
    if (name !== FIXED) return element("div", { class: `cell c-${name}`, role: "columnheader", title: FIELDS[name]?.help || null }, labelOf(name));
    const title = isOldestFirst ? "The oldest on top; click for the newest (o)" : "The newest on top; click for the oldest (o)";
    return element(
      "div", { class: "cell c-time", role: "columnheader", "aria-sort": isOldestFirst ? "ascending" : "descending" },
      element("button", { type: "button", class: "quiet sort", title, onclick: onTurn }, labelOf(name), icon("chevron")),
    );
  });
}

/**
 * The cells of one row.
 * @param {any} data an event log, or a request (then with `state`)
 * @param {{columns: string[], utc: boolean, withDay: boolean, noOutcomeAfter_ms: number}} how
 * @returns {HTMLElement[]}
 */
export function cells(data, how) {
  return how.columns.map((name) => {
    const [text, shown] = content(name, data, how);
    return element("div", { class: `cell c-${name}`, role: "gridcell", title: text || null }, ...(shown ?? [text]));
  });
}

/**
 * The button that chooses columns.
 * @param {(columns: string) => void} onChoose "" is the usual columns
 * @param {() => void} onTurn the other end of the list on top
 */
export function columnsButton(onChoose, onTurn) {
  const button = element("button", { type: "button", title: "Choose the columns" }, "Columns");
  let current = COLUMNS_DEFAULT;
  let isOldestFirst = false;
  const choose = (name, isWanted) => {
    const next = isWanted ? [...current, name] : current.filter((one) => one !== name);
    onChoose(next.join() === COLUMNS_DEFAULT.join() ? "" : next.join());
  };
  popover(button, (close) => {
    const names = ["result", ...Object.keys(FIELDS)].filter((name) => name !== FIXED);
    const boxes = names.map((name) => {
      const box = element("input", { type: "checkbox", checked: current.includes(name) });
      box.addEventListener("change", () => choose(name, box.checked));
      return element("label", { class: "check", title: FIELDS[name]?.help || null }, box, labelOf(name));
    });
    const oldest = element("input", { type: "checkbox", checked: isOldestFirst });
    oldest.addEventListener("change", () => { onTurn(); close(); });
    const usual = element("button", { type: "button", onclick: () => { onChoose(""); close(); } }, "The usual columns");
    return [element("div", { class: "column-list" }, ...boxes), element("label", { class: "check turn" }, oldest, "The oldest on top"), usual];
  }, { label: "Columns" });
  return {
    element: button,
    /** @param {string[]} columns @param {boolean} isTurned the oldest on top */
    draw(columns, isTurned) {
      current = columns;
      isOldestFirst = isTurned;
    },
  };
}

// Text for the title (and for copying), and nodes where more than text is shown.
function content(name, data, { utc, withDay, noOutcomeAfter_ms }) {
  if (name === "time" || name === "observed_time") return moment(data[name], utc, withDay || name !== "time");
  if (name === "status") return state(stateNow(data, noOutcomeAfter_ms));
  if (name === "duration_ns") return [durationText(data.duration_ns)];
  if (name === "result") return result(data);
  const value = data[name] ?? data.outcome?.[name] ?? data.start?.[name];
  return [value === null || value === undefined ? "" : String(value)];
}

function state(name) {
  return [name, [statusMark(name)]];
}

function moment(iso, utc, withDay) {
  if (!iso) return [""];
  const day = dayText(iso, utc);
  const clock = clockText(iso, utc);
  return [`${day} ${clock}`, [withDay ? element("span", { class: "day" }, day.slice(5)) : "", element("time", { datetime: iso }, clock)]];
}

function result(data) {
  if (data.error_type) return [data.error_type];
  if (data.next_step) return [`next: ${data.next_step}`];
  if (data.message_status) return [data.message_status];
  return [data.http_status_code ? `HTTP ${data.http_status_code}` : ""];
}
