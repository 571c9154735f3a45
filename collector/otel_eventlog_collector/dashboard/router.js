// Everything a person chose is in the URL: reload restores it, back and forward work, a link shows
// a colleague the same page. No other module touches `history`.

import { filled, stateOf, urlOf } from "./address.js";

/** @type {Set<(state: import("./address.js").State, before: import("./address.js").State) => void>} */
const listeners = new Set();
let current = stateOf(location.search);

/**
 * The state at this moment. Never change it in place; call `go`.
 * @returns {import("./address.js").State}
 */
export function state() {
  return current;
}

/**
 * Change the state: writes the URL, then tells every listener.
 * @param {Partial<import("./address.js").State>} changes undefined: back to the default
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
 * @param {(state: import("./address.js").State, before: import("./address.js").State) => void} listener
 * @returns {() => void} ends it
 */
export function onChange(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function become(next) {
  const before = current;
  current = next;
  for (const listener of [...listeners]) listener(next, before);
}

addEventListener("popstate", () => become(stateOf(location.search)));
