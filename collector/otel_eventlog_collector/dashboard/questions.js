// What each view asks the API first: in one place, because early.js asks it before the view is there. Pure.

import { parametersOf } from "./address.js";
import { spanMs } from "./times.js";

const PAGE_FIRST = 100; // rows of the first page: what one waits for
const SHORT_S = 3600;
const SLICES = 48;

/** @typedef {[path: string, parameters: [string, string|number][]]} Question */

/**
 * Where a question is asked.
 * @param {string} path below /api/v1/
 * @param {[string, string|number][]} [parameters]
 * @returns {string}
 */
export function pathOf(path, parameters = []) {
  const query = new URLSearchParams(parameters).toString();
  return `/api/v1/${path}${query ? "?" + query : ""}`;
}

/**
 * What a view shows first.
 * @param {import("./address.js").State} state
 * @returns {Question|null} null where something else has to come before it
 */
export function firstQuestion(state) {
  if (state.view === "status") return ["status", []];
  if (state.view === "actions") return actionsQuestion(state);
  // A live list is asked for when the tail watches, so that nothing falls between.
  return state.live ? null : listQuestion(state);
}

/**
 * A page of event logs, or of requests.
 * @param {import("./address.js").State} state
 * @param {number} [limit]
 * @param {string|null} [cursor]
 * @returns {Question}
 */
export function listQuestion(state, limit = PAGE_FIRST, cursor = null) {
  const asked = [
    ...parametersOf(state), ...(state.order ? [["order", state.order]] : []),
    ["limit", limit], ...(cursor ? [["cursor", cursor]] : []),
  ];
  if (!state.pair) return ["events", asked];
  return ["requests", state.state ? [...asked, ["state", state.state]] : asked];
}

/**
 * What each action did.
 * @param {import("./address.js").State} state
 * @returns {Question}
 */
export function actionsQuestion(state) {
  // The collector's own slices are minutes at least: too few of them in a short time.
  const span_s = spanMs(state) / 1000;
  const bucket = span_s > 0 && span_s < SHORT_S ? [["bucket", `${Math.ceil(span_s / SLICES)}s`]] : [];
  return ["actions", [...parametersOf(state), ...bucket]];
}
