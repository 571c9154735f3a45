// What a person should know first: whether all is well, and what to do where it is not. Pure.

import { bytesText, countText, spanText } from "../text.js";

const FRESH_MS = 1000; // as fast as event logs are meant to be seen

/**
 * @typedef {object} Finding
 * @property {"good"|"note"|"bad"} kind
 * @property {string} text
 */

/**
 * What the collector's figures mean, the worst first.
 * @param {any} status the answer of /api/v1/status
 * @returns {Finding[]}
 */
export function findings(status) {
  const found = [];
  const bad = (text) => found.push({ kind: "bad", text });
  const note = (text) => found.push({ kind: "note", text });
  if (!status.ready) bad("It takes no event logs at this moment; its log says why.");
  if (status.last_purge?.refused) bad(`The retention removes nothing: ${status.last_purge.refused}. Check this machine's clock.`);
  if (status.internal_errors) bad(`${countText(status.internal_errors)} mistakes of the collector's own since it started; its log has each.`);
  for (const one of status.destinations) {
    if (one.problem) bad(`Traces cannot be passed on to ${one.url}: ${one.problem}.`);
  }
  if (status.freshness?.p99_ms > FRESH_MS) note(`Event logs are seen later than meant: 1 of 100 after more than ${spanText(status.freshness.p99_ms)}.`);
  const rejected = sum(status.rejected) + status.events.rejected;
  if (rejected) note(`${countText(rejected)} records were refused since the start; their senders were told why.`);
  if (status.events.conflicting) note(`${countText(status.events.conflicting)} event logs came twice with different statuses; the first one was kept.`);
  if (status.clock_skewed) note(`${countText(status.clock_skewed)} event logs were ahead of this machine's clock.`);
  const cap = status.size_bytes_max;
  if (cap && status.store.bytes_on_disk > cap * 0.9) note(`The size cap of ${bytesText(cap)} is nearly reached; the oldest days go first.`);
  if (!status.store.events) note("Nothing has arrived yet. Point an application or an OTLP exporter at one of the addresses below.");
  if (!found.length) found.push({ kind: "good", text: "All is well: event logs are taken, on disk and visible, and none was refused." });
  return found;
}

/** @param {{count: number}[]} counted */
export function sum(counted) {
  return counted.reduce((total, one) => total + one.count, 0);
}
