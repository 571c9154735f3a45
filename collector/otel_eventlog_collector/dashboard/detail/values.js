// Every field of a request, grouped and in plain words; a click on a value offers to filter by it.

import { copy } from "../clipboard.js";
import { element } from "../dom.js";
import { FIELDS, GROUPS, SOURCES, isFilter, labelOf } from "../fields.js";
import { popover } from "../popover.js";
import { choose } from "../query.js";
import { durationText, timeText } from "../text.js";

const ELSEWHERE = new Set(["time_unix_nano", "attributes"]);

/**
 * Draw the groups.
 * @param {any} found answer of /api/v1/requests/{id}
 * @param {{utc: boolean, q: () => string, onQuery: (q: string) => void}} how
 * @returns {HTMLElement[]}
 */
export function valueGroups(found, how) {
  const known = merged(found);
  const groups = GROUPS.map((title) => {
    const names = Object.keys(FIELDS).filter((name) => FIELDS[name].group === title && isTold(known[name]));
    return group(title, names.flatMap((name) => pair(name, known[name], how)));
  });
  const other = Object.keys(known).filter((name) => !(name in FIELDS) && !ELSEWHERE.has(name) && isTold(known[name]));
  const attributes = Object.entries(known.attributes ?? {});
  return [
    ...groups,
    group("Attributes", attributes.flatMap(([name, value]) => plain(name, value))),
    group("Other", other.flatMap((name) => plain(name, known[name]))),
  ].filter(Boolean);
}

// The outcome knows more than the start; what only the start has is shown as well.
function merged({ start, outcome }) {
  const told = Object.entries(outcome ?? {}).filter(([, value]) => value !== null);
  return { ...start, ...Object.fromEntries(told) };
}

function isTold(value) {
  return value !== null && value !== undefined && value !== "";
}

function group(title, pairs) {
  return pairs.length ? element("section", {}, element("h3", {}, title), element("dl", {}, ...pairs)) : null;
}

function pair(name, value, how) {
  const text = wordsOf(name, value, how.utc);
  return [
    element("dt", { title: `${name}${FIELDS[name].help ? ": " + FIELDS[name].help : ""}` }, labelOf(name)),
    element("dd", {}, isFilter(name) ? valueButton(name, String(value), text, how) : text),
  ];
}

function plain(name, value) {
  return [element("dt", { title: name }, name), element("dd", {}, typeof value === "string" ? value : JSON.stringify(value))];
}

function wordsOf(name, value, utc) {
  if (name === "outcome_source") return SOURCES[value] ? `${value}: ${SOURCES[value]}` : String(value);
  if (name === "duration_ns") return durationText(value);
  if (name === "time" || name === "observed_time") return timeText(value, utc);
  if (typeof value === "boolean") return value ? "yes" : "no";
  return String(value);
}

function valueButton(name, value, text, { q, onQuery }) {
  const isId = /_id$|_hash$/.test(name);
  const button = element("button", { type: "button", class: isId ? "value mono" : "value", title: "Filter by this value" }, text);
  popover(button, (close) => {
    const wish = (to) => () => { close(); onQuery(choose(q(), name, value, to)); };
    const copied = element("button", { type: "button", class: "quiet" }, "Copy");
    copied.addEventListener("click", () => copy(value, copied));
    return [element(
      "div", { class: "menu" },
      element("button", { type: "button", class: "quiet", autofocus: true, onclick: wish("include") }, `Only this ${labelOf(name).toLowerCase()}`),
      element("button", { type: "button", class: "quiet", onclick: wish("exclude") }, `Without this ${labelOf(name).toLowerCase()}`),
      copied,
    )];
  }, { label: `${labelOf(name)} ${value}` });
  return button;
}
