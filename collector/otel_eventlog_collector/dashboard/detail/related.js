// What belongs to a request: its trace elsewhere, and other requests of the same user and flow.

import { ask } from "../api.js";
import { element, icon, statusMark } from "../dom.js";
import { term } from "../query.js";
import { timeText } from "../text.js";

const SHOWN = 6;
const AFTER_MS = 10 * 60_000; // what the user did next is told too
const JOINED_BY = [
  ["flow_id", "The same flow"], ["user_id", "The same user"], ["correlation_id", "The same correlation id"],
  ["session_token_hash", "The same session"], ["session_jwt_hash", "The same session JWT"], ["client_address", "The same address"],
  ["trace_id", "The same trace"],
];
const LISTED = new Set(["flow_id", "user_id"]);

/**
 * The link to the trace, or why there is none.
 * @param {any} found answer of /api/v1/requests/{id}
 * @returns {HTMLElement}
 */
export function traceLink(found) {
  const url = found.trace_url;
  if (url && /^https?:\/\//.test(url)) {
    const name = /jaeger|:16686\//i.test(url) ? "Open in Jaeger" : "Open its trace";
    return element("a", { class: "button", href: url, target: "_blank", rel: "noopener noreferrer" }, icon("link"), name);
  }
  return element("p", { class: "no-trace dim" }, whyNoTrace(found));
}

function whyNoTrace(found) {
  if (!found.trace_id) return "It belongs to no trace.";
  if (found.trace_sampled === false) return "Its trace was not sampled, so Jaeger does not have it. Event logs are kept all the same.";
  return "No address of traces is known: start the collector with --trace-url.";
}

/**
 * Other requests of the same user and flow, and searches for all that is joined.
 * @param {any} found
 * @param {{utc: boolean, hrefOf: (requestId: string) => string, hrefOfSearch: (q: string) => string, signal: AbortSignal}} how
 * @returns {HTMLElement[]}
 */
export function related(found, how) {
  const known = { ...found.start, ...withoutNulls(found.outcome) };
  const joined = JOINED_BY.filter(([field]) => known[field]);
  return [
    ...joined.filter(([field]) => LISTED.has(field)).map(([field, title]) => list(found, field, known[field], title, how)),
    joined.length ? element(
      "section", { class: "joined" },
      element("h3", {}, "Search for"),
      element("div", { class: "links" }, ...joined.map(([field, title]) =>
        element("a", { class: "button", href: how.hrefOfSearch(term(field, known[field])), title: `${field}:${known[field]}` }, title))),
    ) : null,
  ].filter(Boolean);
}

function list(found, field, value, title, { utc, hrefOf, signal }) {
  const lines = element("ul", { class: "others" }, ...Array.from({ length: 2 }, () => element("li", { class: "skeleton" })));
  const section = element("section", {}, element("h3", {}, title), lines);
  const until = new Date(Date.parse(found.time) + AFTER_MS).toISOString();
  ask("requests", [["q", term(field, value)], ["until", until], ["limit", SHOWN + 1]], { signal })
    .then(({ requests }) => {
      const others = requests.filter((one) => one.request_id !== found.request_id).slice(0, SHOWN);
      section.hidden = !others.length;
      lines.replaceChildren(...others.map((one) => other(one, utc, hrefOf)));
    })
    .catch((error) => {
      if (error.name !== "AbortError") lines.replaceChildren(element("li", { class: "wrong" }, error.message));
    });
  return section;
}

function other(one, utc, hrefOf) {
  return element(
    "li", {},
    element(
      "a", { href: hrefOf(one.request_id) },
      element("time", { class: "dim" }, timeText(one.time, utc).slice(5)),
      statusMark(one.state === "finished" ? one.status : one.state),
      element("span", { class: "name" }, one.action),
      element("span", { class: "dim" }, one.error_type ?? one.next_step ?? ""),
    ),
  );
}

function withoutNulls(event) {
  return Object.fromEntries(Object.entries(event ?? {}).filter(([, value]) => value !== null));
}
