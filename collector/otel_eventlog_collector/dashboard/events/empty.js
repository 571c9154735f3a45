// Where no event log passes: why, and what helps.

import { ask } from "../api.js";
import { element } from "../dom.js";
import { agoText } from "../text.js";
import { momentMs } from "../times.js";
import { timeLabel } from "./timepicker.js";

const AROUND_MS = 5 * 60_000;

/**
 * What to show in place of rows.
 * @param {import("../address.js").State} state
 * @param {(changes: object) => void} set
 * @returns {Promise<HTMLElement>}
 */
export async function whyEmpty(state, set) {
  const status = await ask("status");
  if (!status.store.newest) return nothingYet(status, set);
  const button = (name, changes, isMain = false) =>
    element("button", { type: "button", class: isMain ? "primary" : null, onclick: () => set(changes) }, name);
  const newest_ms = Date.parse(status.store.newest);
  const isBefore = newest_ms < momentMs(state.since);
  const ways = [
    state.q && button("Clear the search", { q: "" }, true),
    state.state && button("All requests", { state: "" }, true),
    state.since !== "-30d" && button("Last 30 days", { since: "-30d", until: "" }, !state.q && !isBefore),
    isBefore && !state.q && button(`Go to the newest, ${agoText(newest_ms)}`, { since: new Date(newest_ms - AROUND_MS).toISOString(), until: new Date(newest_ms + AROUND_MS).toISOString() }, true),
    !state.live && !state.until && button("Wait for new ones", { live: "1" }),
  ].filter(Boolean);
  const what = state.q || state.state ? "Nothing passes these filters" : "No event logs in this time";
  return element(
    "div", { class: "empty" },
    element("h2", {}, what),
    element("p", { class: "dim" }, `${timeLabel(state)}${state.q ? ", " : ""}`, state.q ? element("code", {}, state.q) : ""),
    element("div", { class: "links" }, ...ways),
  );
}

function nothingYet(status, set) {
  const endpoint = status.listeners["otlp-http"] ?? "http://127.0.0.1:4328";
  const url = endpoint.startsWith("http") ? endpoint : `http://${endpoint}`;
  return element(
    "div", { class: "empty" },
    element("h2", {}, "No event logs yet"),
    element("p", {}, "Start a Python application that uses OpenTelemetry, and sign in to it:"),
    element("pre", { tabindex: "0" }, `pip install otel-eventlog\nOTEL_EVENTLOG_ENDPOINT=${url} \\\n  opentelemetry-instrument python app.py`),
    element("p", {}, "Or point any OTLP exporter, or an OpenTelemetry Collector, at this collector:"),
    element("pre", { tabindex: "0" }, `OTEL_EXPORTER_OTLP_ENDPOINT=${url}`),
    element("p", {}, "Or look at it with simulated users: ", element("code", {}, "otel-eventlog demo"), "."),
    element("p", {}, element("button", { type: "button", class: "primary", onclick: () => set({ live: "1" }) }, "Wait for the first one")),
  );
}
