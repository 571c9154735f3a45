// Event logs joined to requests, as /api/v1/requests does it, for those that come live. Pure.

/**
 * A request's line with one more half.
 * @param {any|null} line as the API gives it, or null for a request not seen before
 * @param {any} event its start or its outcome
 * @returns {any}
 */
export function joined(line, event) {
  const isStart = event.phase === "start";
  const start = isStart ? event : line?.start ?? null;
  const outcome = isStart ? line?.outcome ?? null : event;
  const known = outcome ?? start;
  const first = start ?? outcome;
  return {
    ...known,
    state: outcome ? "finished" : "in_progress",
    time: first.time,
    time_unix_nano: first.time_unix_nano,
    start,
    outcome,
  };
}

/**
 * Whether a request belongs into a list of one state.
 * @param {any} line
 * @param {string} state in_progress, no_outcome, finished, or "" for all
 * @returns {boolean}
 */
export function isOfState(line, state) {
  return !state || line.state === state;
}

/**
 * The state at this moment: a start that waited too long has no outcome.
 * @param {any} data an event log or a request's line
 * @param {number} noOutcomeAfter_ms
 * @returns {string} start, success, error, in_progress or no_outcome
 */
export function stateNow(data, noOutcomeAfter_ms) {
  if (!data.state || data.state === "finished") return data.status;
  const isOld = Date.now() - Date.parse(data.time) > noOutcomeAfter_ms;
  return isOld ? "no_outcome" : data.state;
}
