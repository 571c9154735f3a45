// Everything a person chose is in the URL: reload restores it, back and forward work, a link shows
// a colleague the same page. No other module touches `location` or `history`.

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
 * @property {string} columns field names, comma-separated; "" = the usual ones
 * @property {string} sort how the actions are sorted; "" = most requests first
 * @property {string} request the request whose detail is open
 */

/** @type {State} */
export const DEFAULTS = Object.freeze({
  view: "events", q: "", since: "-1h", until: "", utc: "", live: "", pair: "", state: "", columns: "", sort: "", request: "",
});

/** @type {Set<(state: State, before: State) => void>} */
const listeners = new Set();
let current = read(location.search);

/**
 * The state at this moment. Never change it in place; call `go`.
 * @returns {State}
 */
export function state() {
  return current;
}

/**
 * Change the state: writes the URL, then tells every listener.
 * @param {Partial<State>} changes undefined: back to the default
 * @param {{replace?: boolean}} [options] replace: no new entry for the back button
 */
export function go(changes, { replace = false } = {}) {
  const next = filled({ ...current, ...changes });
  const url = urlOf(next);
  if (url === location.pathname + location.search) return;
  if (replace) history.replaceState(null, "", url);
  else history.pushState(null, "", url);
  become(next);
}

/**
 * Be told of every change, those by the back button included.
 * @param {(state: State, before: State) => void} listener
 * @returns {() => void} ends it
 */
export function onChange(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
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

function read(search) {
  return filled(Object.fromEntries(new URLSearchParams(search)));
}

// Unknown keys are left out, absent ones are the default.
function filled(wanted) {
  return Object.fromEntries(Object.entries(DEFAULTS).map(([key, usual]) => [key, wanted[key] ?? usual]));
}

function become(next) {
  const before = current;
  current = next;
  for (const listener of [...listeners]) listener(next, before);
}

addEventListener("popstate", () => become(read(location.search)));
