// Values as people read them: times, durations, counts.

const NUMBER = new Intl.NumberFormat("en");
const COMPACT = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });

/** 1,234 @param {number} number @returns {string} */
export function countText(number) {
  return NUMBER.format(number);
}

/** 1.2K @param {number} number @returns {string} */
export function shortCount(number) {
  return number < 10_000 ? NUMBER.format(number) : COMPACT.format(number);
}

/**
 * 2026-11-23 10:42:00.123, in the reader's zone or (with a Z) in UTC.
 * @param {string|number|Date} moment RFC 3339, or milliseconds
 * @param {boolean} utc
 * @returns {string}
 */
export function timeText(moment, utc) {
  return `${dayText(moment, utc)} ${clockText(moment, utc)}`;
}

/** 2026-11-23 @param {string|number|Date} moment @param {boolean} utc @returns {string} */
export function dayText(moment, utc) {
  const date = new Date(moment);
  const parts = utc
    ? [date.getUTCFullYear(), date.getUTCMonth() + 1, date.getUTCDate()]
    : [date.getFullYear(), date.getMonth() + 1, date.getDate()];
  return parts.map(two).join("-");
}

/**
 * 10:42:00.123
 * @param {string|number|Date} moment
 * @param {boolean} utc
 * @param {{digits?: number}} [options] digits: of the fraction of a second; -1 leaves the seconds out
 * @returns {string}
 */
export function clockText(moment, utc, { digits = 3 } = {}) {
  const date = new Date(moment);
  const parts = utc
    ? [date.getUTCHours(), date.getUTCMinutes(), date.getUTCSeconds()]
    : [date.getHours(), date.getMinutes(), date.getSeconds()];
  const clock = (digits < 0 ? parts.slice(0, 2) : parts).map(two).join(":");
  const fraction = digits > 0 ? "." + String(date.getMilliseconds()).padStart(3, "0").slice(0, digits) : "";
  return clock + fraction + (utc ? "Z" : "");
}

/**
 * 93.9 ms, 1.20 s, 3 m 4 s; "" for an absent one.
 * @param {number|null|undefined} nanoseconds
 * @returns {string}
 */
export function durationText(nanoseconds) {
  if (nanoseconds === null || nanoseconds === undefined) return "";
  const ms = nanoseconds / 1e6;
  if (ms < 1) return `${(nanoseconds / 1e3).toFixed(0)} µs`;
  if (ms < 1000) return `${ms.toFixed(1)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(2)} s`;
  return spanText(ms);
}

/**
 * 3 m 4 s, 2 h, 30 d: the two largest units.
 * @param {number} ms
 * @returns {string}
 */
export function spanText(ms) {
  const units = [["d", 86_400_000], ["h", 3_600_000], ["m", 60_000], ["s", 1000]];
  const parts = [];
  let left = Math.round(ms / 1000) * 1000;
  for (const [unit, size] of units) {
    const number = Math.floor(left / size);
    left -= number * size;
    if (number) parts.push(`${number} ${unit}`);
  }
  return parts.slice(0, 2).join(" ") || "0 s";
}

/** "3 m ago", "in 2 h" @param {number} ms @param {number} now_ms @returns {string} */
export function agoText(ms, now_ms = Date.now()) {
  const away = now_ms - ms;
  if (Math.abs(away) < 1000) return "just now";
  return away > 0 ? `${spanText(away)} ago` : `in ${spanText(-away)}`;
}

/** 1.4 GB @param {number} bytes @returns {string} */
export function bytesText(bytes) {
  const units = ["B", "kB", "MB", "GB", "TB"];
  const power = bytes ? Math.min(units.length - 1, Math.floor(Math.log10(bytes) / 3)) : 0;
  return `${(bytes / 1000 ** power).toFixed(power ? 1 : 0)} ${units[power]}`;
}

function two(number) {
  return String(number).padStart(2, "0");
}
