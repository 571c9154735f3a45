// What the address says: the state of the page as text, and the way back. Pure.

/**
 * What is looked at. Every value is text; "" is "not chosen".
 * @typedef {object} State
 * @property {string} view events, actions or status
 * @property {string} q the search, in the API's query language
 * @property {string} since relative ("-15m") or absolute (RFC 3339), kept as chosen
 * @property {string} until "" = now
 * @property {string} utc "1": times in UTC, otherwise in the reader's own zone
 * @property {string} live "1": new event logs appear by themselves
 * @property {string} pair "1": start and outcome in one line
 * @property {string} state with pair: in_progress, no_outcome or finished
 * @property {string} order "asc": the oldest on top
 * @property {string} columns field names, comma-separated; "" = the usual ones
 * @property {string} sort how the actions are sorted; "" = most requests first
 * @property {string} request the request whose detail is open
 */

/** @type {State} */
export const DEFAULTS = Object.freeze({
  view: "events", q: "", since: "-1h", until: "", utc: "", live: "", pair: "", state: "", order: "", columns: "", sort: "", request: "",
});

/**
 * The state that an address says.
 * @param {string} search what stands behind the question mark
 * @returns {State}
 */
export function stateOf(search) {
  return filled(Object.fromEntries(new URLSearchParams(search)));
}

/**
 * A whole state: unknown keys are left out, absent ones are the default.
 * @param {Partial<State>} wanted
 * @returns {State}
 */
export function filled(wanted) {
  return Object.fromEntries(Object.entries(DEFAULTS).map(([key, usual]) => [key, wanted[key] ?? usual]));
}

/**
 * The address of a state, for links: what equals the default is left out.
 * @param {Partial<State>} wanted
 * @returns {string}
 */
export function urlOf(wanted) {
  const chosen = Object.entries(DEFAULTS)
    .map(([key, usual]) => [key, wanted[key] ?? usual])
    .filter(([key, value]) => value !== DEFAULTS[key]);
  // Colons, stars, slashes and commas are legal in a query and common here: keep them readable.
  const query = new URLSearchParams(chosen).toString()
    .replaceAll("%3A", ":").replaceAll("%2C", ",").replaceAll("%2F", "/").replaceAll("%40", "@");
  return query ? `/?${query}` : "/";
}

/**
 * Parameters of the API for the time and search of a state.
 * @param {State} wanted
 * @returns {[string, string][]}
 */
export function parametersOf(wanted) {
  return [
    ["since", wanted.since],
    ...(wanted.until ? [["until", wanted.until]] : []),
    ...(wanted.q ? [["q", wanted.q]] : []),
  ];
}
