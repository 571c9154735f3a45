// One request: the pair, why it ended so, every field, its trace.

import { ask } from "./api.js";
import { durationText, element, timeText } from "./dom.js";

const ABOVE = new Set(["event_id", "request_id", "phase", "status", "time", "time_unix_nano", "duration_ns", "action", "attributes"]);

export async function drawDetail(place, requestId, { utc, onClose, onSearch }) {
  let found;
  try {
    found = (await ask(`requests/${encodeURIComponent(requestId)}`)).request;
  } catch (error) {
    place.replaceChildren(element("p", { className: "wrong" }, error.message));
    return;
  }
  const known = found.outcome || found.start;
  place.replaceChildren(
    element("button", { className: "close", type: "button", "aria-label": "Close", onclick: onClose }, "×"),
    element("h2", {}, found.action),
    element("div", { className: "id" }, found.request_id),
    element("p", { className: "why" }, found.why),
    element("dl", {}, ...halves(found, utc), ...pair("duration", durationText(found.duration_ns) || found.state.replace("_", " "))),
    element("div", { className: "actions" }, traceLink(found), copyButton(found), userButton(known, onSearch)),
    element("h3", {}, "Fields"),
    element("dl", {}, ...fields(known)),
    ...neighbours(found.neighbours, onSearch),
  );
}

function pair(name, value) {
  return [element("dt", {}, name), element("dd", {}, String(value))];
}

function halves(found, utc) {
  return [found.start, found.outcome].filter(Boolean).flatMap((half) => [
    element("dt", { className: `status-${half.status}` }, half.status),
    element("dd", {}, timeText(half.time, utc)),
  ]);
}

function traceLink(found) {
  if (found.trace_url && /^https?:\/\//.test(found.trace_url)) {
    return element("a", { className: "button", href: found.trace_url, target: "_blank", rel: "noreferrer" }, "Open in Jaeger");
  }
  return found.trace_sampled === false ? element("span", { className: "id" }, "Its trace was not sampled.") : null;
}

function copyButton(found) {
  const button = element("button", { type: "button" }, "Copy as JSON");
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(JSON.stringify(found, null, 2));
    button.textContent = "Copied";
  });
  return button;
}

function userButton(known, onSearch) {
  if (!known.user_id) return null;
  return element("button", { type: "button", onclick: () => onSearch("user_id", known.user_id) }, "All of this user");
}

function fields(known) {
  const all = { ...known, ...Object.fromEntries(Object.entries(known.attributes).map(([k, v]) => [`attributes.${k}`, v])) };
  return Object.entries(all)
    .filter(([name, value]) => !ABOVE.has(name) && value !== null && value !== false)
    .flatMap(([name, value]) => pair(name, value));
}

function neighbours(others, onSearch) {
  if (!others.length) return [];
  const lines = others.map((other) =>
    element("button", { type: "button", onclick: () => onSearch("request_id", other.request_id) }, `${other.action} ${other.status}`),
  );
  return [element("h3", {}, "Same trace"), ...lines];
}
