// Round times for the axis of a histogram. Pure.

import { clockText, dayText } from "../text.js";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const STEPS = [
  1000, 5000, 10_000, 30_000, MINUTE, 2 * MINUTE, 5 * MINUTE, 10 * MINUTE, 15 * MINUTE, 30 * MINUTE,
  HOUR, 2 * HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, DAY, 2 * DAY, 5 * DAY, 10 * DAY, 30 * DAY,
];

/**
 * Round moments between two times, in the zone that is shown.
 * @param {number} from_ms
 * @param {number} to_ms
 * @param {number} most as many at most
 * @param {boolean} utc
 * @returns {{ms: number, text: string}[]}
 */
export function ticks(from_ms, to_ms, most, utc) {
  const step = STEPS.find((one) => (to_ms - from_ms) / one <= most) ?? STEPS.at(-1);
  const found = [];
  // Zones stand at whole quarters of an hour, so smaller steps are round in every zone.
  const shift = utc ? 0 : new Date(from_ms).getTimezoneOffset() * MINUTE;
  for (let ms = Math.ceil((from_ms - shift) / step) * step + shift; ms <= to_ms; ms += step) {
    found.push({ ms, text: textOf(ms, step, utc) });
  }
  return found;
}

function textOf(ms, step, utc) {
  const clock = clockText(ms, utc, { digits: step < MINUTE ? 0 : -1 }).replace("Z", "");
  const day = dayText(ms, utc).slice(5);
  if (step >= DAY) return day;
  return clock === "00:00" ? day : clock;
}
