// Where an action happened: choices of project, environment and service. Each is a piece of the search.

import { element } from "../dom.js";
import { choose, tokens, withoutKey } from "../query.js";
import { shortCount } from "../text.js";

/** Fields to choose from. @type {[string, string][]} */
const PLACES = [["project", "Project"], ["environment", "Environment"], ["service", "Service"]];
export const PLACE_FIELDS = PLACES.map(([name]) => name);
const SEVERAL = "\u0000several";

/**
 * Make the choices.
 * @param {{onQuery: (q: string) => void}} told
 */
export function createPlaces({ onQuery }) {
  let q = "";
  let facets = {};
  const selects = PLACES.map(([name, label]) => {
    const select = element("select", { "aria-label": label, dataset: { field: name } });
    select.addEventListener("change", () => {
      const rest = withoutKey(q, name);
      onQuery(select.value ? choose(rest, name, select.value, "include") : rest);
    });
    return select;
  });

  function redraw() {
    PLACES.forEach(([name, label], at) => {
      const asked = tokens(q).filter((token) => token.key === name);
      const [only] = asked;
      const isOne = asked.length === 1 && !only.negated && (only.quoted || !only.value.endsWith("*"));
      const known = (facets[name] || []).filter(({ value }) => !isOne || value !== only.value);
      const mine = isOne ? (facets[name] || []).find(({ value }) => value === only.value) : null;
      selects[at].replaceChildren(
        element("option", { value: "" }, `${label}: all`),
        ...(asked.length && !isOne ? [element("option", { value: SEVERAL, disabled: true }, `${label}: as searched`)] : []),
        ...(isOne ? [option(label, only.value, mine?.count)] : []),
        ...known.map(({ value, count }) => option("", value, count)),
      );
      selects[at].value = isOne ? only.value : asked.length ? SEVERAL : "";
      selects[at].classList.toggle("chosen", Boolean(asked.length));
    });
  }

  return {
    elements: selects,
    /** @param {string} next the search */
    draw(next) {
      q = next;
      redraw();
    },
    /** @param {Record<string, {value: string, count: number}[]>} found values with their counts */
    offer(found) {
      facets = found;
      redraw();
    },
  };
}

/** The search without what is chosen here: what could be chosen instead. @param {string} q */
export function withoutPlaces(q) {
  return PLACE_FIELDS.reduce(withoutKey, q);
}

function option(label, value, count) {
  const counted = count === undefined ? "" : ` (${shortCount(count)})`;
  return element("option", { value }, label ? `${label}: ${value}` : value + counted);
}
