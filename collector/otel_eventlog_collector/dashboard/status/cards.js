// The cards of the Status view, each drawn from the answer of /api/v1/status.

import { element, icon } from "../dom.js";
import { agoText, bytesText, countText, durationText, spanText, timeText } from "../text.js";
import { BARS_MIN, bars, card, counts, facts, figure } from "./figures.js";
import { sum } from "./health.js";

const NS_PER_MS = 1e6;
const TELLING = 100_000; // with fewer event logs, the room that files keep free says more than they do

/** What arrives. @param {any} status */
export function ingestCard(status) {
  const { per_s, per_minute } = status.ingest;
  const ago = (at) => per_minute.length - 1 - at;
  const tell = (at) => `${ago(at) ? `${ago(at)} min ago` : "this minute"}: ${countText(per_minute[at])} event logs`;
  const total = per_minute.reduce((all, one) => all + one, 0);
  const fresh = status.freshness;
  return card(
    "Arriving",
    element(
      "div", { class: "figures" },
      figure(rateText(per_s), "event logs a second", "Average of the last minute"),
      figure(countText(total), "in the last hour"),
      figure(fresh?.p50_ms === undefined || fresh === null ? "–" : msText(fresh.p50_ms), "until it is seen", fresh ? `Half of the last ${countText(fresh.count)}; 99 of 100 within ${msText(fresh.p99_ms)}` : "Nothing arrived lately"),
    ),
    bars({ values: per_minute, label: `Event logs stored in each of the last ${per_minute.length} minutes, ${countText(total)} in all`, tell }),
    element("p", { class: "axis dim" }, element("span", {}, `${per_minute.length} minutes ago`), element("span", {}, "now")),
    facts([
      ["Seen within", fresh ? `${msText(fresh.p50_ms)} half of the time, ${msText(fresh.p99_ms)} 99 of 100 times` : null],
      ["Watching live", countText(status.watchers)],
    ]),
  );
}

/** What is kept. @param {any} status @param {boolean} utc */
export function storeCard(status, utc) {
  const { store } = status;
  const days = store.days || [];
  const tell = (at) => `${days[at].day}: ${countText(days[at].events)} event logs, ${bytesText(days[at].bytes_on_disk)}`;
  const purge = status.last_purge;
  return card(
    "Kept",
    element(
      "div", { class: "figures" },
      figure(countText(store.events), "event logs"),
      figure(bytesText(store.bytes_on_disk), status.size_bytes_max ? `of at most ${bytesText(status.size_bytes_max)}` : "on disk"),
      figure(spanText(store.retention_ns / NS_PER_MS), "kept for"),
    ),
    bars({ values: days.map((day) => day.events), label: `Event logs of ${days.length} days`, tell, class: "by-day" }),
    element("p", { class: "axis dim" }, element("span", {}, days.length >= BARS_MIN ? days[0].day : ""), element("span", {}, days.at(-1)?.day ?? "")),
    facts([
      ["Oldest", store.oldest ? moment(store.oldest, utc) : "none yet"],
      ["Newest", store.newest ? moment(store.newest, utc) : null],
      ["An event log takes", store.events >= TELLING ? `${countText(Math.round(store.bytes_on_disk / store.events))} bytes, indexes included` : null],
      ["Last purge", purge ? element("span", {}, moment(purge.time, utc), ` · ${purgeText(purge)}`) : "none yet"],
      ["No outcome after", spanText(status.no_outcome_after_ns / NS_PER_MS)],
    ]),
    dayTable(days),
  );
}

/** What was not kept, and why. @param {any} status */
export function lossCard(status) {
  const { events } = status;
  return card(
    "Since it started",
    facts([
      ["Records received", received(status.received)],
      ["Event logs stored", countText(events.stored)],
      ["Came again", `${countText(events.duplicate)} redelivered, kept once`],
      ["Replaced", events.replaced ? `${countText(events.replaced)} by the application's own record` : null],
      ["Outside the times", events.rejected ? `${countText(events.rejected)} older than the retention or far ahead` : null],
      ["Without a token", status.access_denied ? countText(status.access_denied) : null],
    ]),
    element("h3", {}, "Not kept on purpose"),
    counts(status.dropped, (one) => `${one.signal}: ${words(one.reason)}`, "Everything that came was kept."),
    element("h3", {}, "Refused"),
    counts(status.rejected, (one) => `${one.signal}: ${words(one.reason)}`, "Nothing was refused."),
    element("h3", {}, "Limits reached"),
    counts(status.limits_hit, (one) => words(one.limit), "None."),
  );
}

/** Where it listens and what it passes on. @param {any} status */
export function addressCard(status) {
  return card(
    "Addresses",
    facts(Object.entries(status.listeners).map(([name, address]) => [LISTENERS[name] ?? name, element("code", {}, address)])),
    element("h3", {}, "Passed on"),
    ...(status.destinations.length ? status.destinations.map(destination) : [element("p", { class: "dim" }, "Nothing is passed on. ", element("code", {}, "--forward-traces-to"), " sends received traces on to Jaeger.")]),
    element("h3", {}, "This collector"),
    facts([
      ["Version", status.version],
      ["Running for", spanText(status.uptime_s * 1000)],
      ["Takes event logs", status.ready ? "yes" : "no"],
      ["Tokens", status.tokens_required ? "required" : "not required"],
      ["Links to traces", status.trace_url ? element("code", {}, status.trace_url) : "none: start it with --trace-url"],
    ]),
  );
}

/** The last records that were refused. @param {any[]} rejected @param {boolean} utc */
export function rejectedCard(rejected, utc) {
  return card(
    "Refused lately",
    element(
      "ul", { class: "refused" },
      ...rejected.map((one) => element(
        "li", {},
        one.time ? element("div", { class: "dim" }, moment(one.time, utc)) : null,
        element("dl", { class: "facts" }, ...Object.entries(one).filter(([name, value]) => name !== "time" && value !== null && value !== "").flatMap(([name, value]) => [
          element("dt", {}, words(name)), element("dd", { class: "mono" }, typeof value === "object" ? JSON.stringify(value) : String(value)),
        ])),
      )),
    ),
  );
}

const LISTENERS = { "otlp-http": "OTLP over HTTP", "otlp-grpc": "OTLP over gRPC", http: "Dashboard and API" };

function destination(one) {
  const lost = Object.entries(one.requests).filter(([result]) => result !== "sent").map(([result, count]) => ({ result, count }));
  return element(
    "div", { class: "destination" },
    element("p", {}, icon(one.problem ? "error" : "success"), " ", element("code", {}, one.url)),
    one.problem ? element("p", { class: "wrong" }, one.problem) : null,
    facts([
      ["Requests sent", countText(one.requests.sent || 0)],
      ["Waiting", `${bytesText(one.waiting_bytes)} of at most ${bytesText(one.waiting_bytes_max)}`],
      ["Not passed on", lost.length ? `${countText(sum(lost))} (${lost.map(({ result, count }) => `${words(result)}: ${countText(count)}`).join(", ")})` : null],
    ]),
  );
}

function dayTable(days) {
  if (!days.length) return null;
  const line = ({ day, events, bytes_on_disk }) => element(
    "tr", {}, element("th", { scope: "row" }, day), element("td", { class: "number" }, countText(events)), element("td", { class: "number" }, bytesText(bytes_on_disk)),
  );
  return element(
    "details", { class: "days", dataset: { keep: "days" } },
    element("summary", {}, `${days.length} ${days.length === 1 ? "day" : "days"} (UTC)`),
    element("table", {}, element("thead", {}, element("tr", {}, ...["Day", "Event logs", "On disk"].map((name, at) => element("th", { scope: "col", class: at ? "number" : null }, name)))), element("tbody", {}, ...days.toReversed().map(line))),
  );
}

function purgeText(purge) {
  if (purge.refused) return "refused";
  if (!purge.events) return "nothing was due";
  return `${countText(purge.events)} event logs, ${bytesText(purge.bytes_freed)}`;
}

function received(counted) {
  return counted.length ? counted.map((one) => `${countText(one.count)} ${one.signal === "traces" ? "spans" : one.signal}`).join(", ") : "none";
}

function moment(iso, utc) {
  return element("time", { datetime: iso, title: timeText(iso, utc) }, `${timeText(iso, utc).replace(/:\d\d\.\d+/, "")} · ${coarse(agoText(Date.parse(iso)))}`);
}

// Of "29 d 37 s ago" the first part.
function coarse(text) {
  return text.replace(/^(\d+ \w) \d+ \w/, "$1");
}

function rateText(per_s) {
  return per_s >= 10 || per_s === 0 ? countText(Math.round(per_s)) : per_s.toFixed(1);
}

function msText(ms) {
  return durationText(ms * NS_PER_MS);
}

function words(name) {
  return name.replaceAll("_", " ");
}
