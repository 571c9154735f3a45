// What the search box offers: keys by their names, values by what is stored in the time looked at.

import { ask } from "../api.js";
import { FIELDS, isFilter } from "../fields.js";
import { term, tokenAt, withoutToken } from "../query.js";
import { countText } from "../text.js";

const OFFERS_MAX = 10;
const VALUES_ASKED = 100;

/**
 * @typedef {object} Offer
 * @property {string} shown what the line says
 * @property {string} note said beside it, dimmed
 * @property {string} text the whole search, once taken
 * @property {number} caret where one goes on to type
 * @property {boolean} isWhole whether the search can be run at once
 */

/**
 * What could be meant at the caret.
 * @param {string} text of the box
 * @param {number} caret
 * @param {[string, string][]} parameters time and search of the page
 * @returns {Promise<Offer[]>}
 */
export async function candidates(text, caret, parameters) {
  const token = tokenAt(text, caret);
  const put = (written, isWhole) => {
    const before = text.slice(0, token.from) + written;
    const after = text.slice(token.to).trimStart();
    const space = isWhole ? " " : "";
    return { text: before + space + after, caret: before.length + space.length, isWhole };
  };
  if (token.key && isFilter(token.key)) {
    const values = await valuesOf(token, text, parameters);
    return values.map(({ value, count }) => ({
      shown: value, note: countText(count), ...put(term(token.key, value, token.negated), true),
    }));
  }
  if (token.key || token.quoted) return [];
  const typed = token.value.toLowerCase();
  return Object.entries(FIELDS)
    .filter(([name, field]) => isFilter(name) && (name.includes(typed) || field.label.toLowerCase().includes(typed)))
    .sort(([one], [other]) => Number(other.startsWith(typed)) - Number(one.startsWith(typed)))
    .slice(0, OFFERS_MAX)
    .map(([name, field]) => ({ shown: `${name}:`, note: field.label, ...put(`${token.negated ? "-" : ""}${name}:`, false) }));
}

async function valuesOf(token, text, parameters) {
  const times = parameters.filter(([name]) => name === "since" || name === "until");
  const rest = withoutToken(text, token);
  const asked = (q) => ask("facets", [...times, ...(q ? [["q", q]] : []), ["field", token.key], ["limit", VALUES_ASKED]]);
  let answer;
  try {
    answer = await asked(rest);
  } catch {
    answer = await asked("").catch(() => ({ facets: {} })); // what stands beside it is unfinished
  }
  const typed = token.value.replace(/\*$/, "").toLowerCase();
  return (answer.facets[token.key] ?? [])
    .filter(({ value }) => value !== null)
    .map(({ value, count }) => ({ value: String(value), count }))
    .filter(({ value }) => value.toLowerCase().includes(typed) && value !== token.value)
    .slice(0, OFFERS_MAX);
}
