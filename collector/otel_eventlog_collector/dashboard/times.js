// Times as the URL has them: back from now ("-15m"), or RFC 3339. Pure.

/** What goes back from now. */
export const DURATION = /^-?((\d{1,6}(\.\d{1,3})?)(s|m|h|d|w))+$/;
const UNIT_MS = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };

/**
 * Milliseconds of a time as the URL has it.
 * @param {string} text relative or RFC 3339
 * @param {number} [now_ms]
 * @returns {number} NaN where it is none
 */
export function momentMs(text, now_ms = Date.now()) {
  if (!text || text === "now") return now_ms;
  return DURATION.test(text) ? now_ms - durationMs(text) : Date.parse(text);
}

/**
 * How long a state looks at.
 * @param {{since: string, until: string}} state
 * @returns {number} milliseconds, NaN where one of its times is none
 */
export function spanMs({ since, until }) {
  const now_ms = Date.now();
  return momentMs(until, now_ms) - momentMs(since, now_ms);
}

/** @param {string} text as DURATION has it @returns {number} */
export function durationMs(text) {
  return [...text.matchAll(/(\d+(?:\.\d+)?)(s|m|h|d|w)/g)].reduce((sum, [, number, unit]) => sum + Number(number) * UNIT_MS[unit], 0);
}
