// The page: state in the URL → questions to the API → what is shown.

import { NeedsToken, ask, follow, parametersOf, readState, signIn, writeState } from "./api.js";
import { drawDetail } from "./detail.js";
import { durationText, element, timeText } from "./dom.js";
import { drawFacets, term } from "./facets.js";
import { drawHistogram } from "./histogram.js";

const PAGE = 100;
const COUNTS_PERIOD_MS = 5000; // how often a live page counts again
const ROWS_MAX = 2000; // a live page stays light however long it is open
const byId = (id) => document.getElementById(id);
let state = readState();
let cursor = null;
let stopFollowing = null;
let turn = 0; // answers to an older question are dropped

function go(changes) {
  state = { ...state, ...changes };
  writeState(state);
  show();
}

function say(text, wrong = false) {
  byId("message").textContent = text;
  byId("message").classList.toggle("wrong", wrong);
}

function row(event) {
  const reason = event.error_type || event.next_step || (event.http_status_code ? `HTTP ${event.http_status_code}` : "");
  const cells = [
    timeText(event.time, state.utc), event.status, event.action, event.user_id || "",
    durationText(event.duration_ns), reason, event.service || "",
  ];
  const made = element(
    "tr",
    { tabindex: "0", "data-request": event.request_id, "aria-selected": String(event.request_id === state.request) },
    ...cells.map((text, index) => element("td", { title: text, className: index === 1 ? `status-${event.status}` : "" }, text)),
  );
  made.id = event.event_id;
  return made;
}

async function showPage() {
  const mine = turn;
  const more = cursor ? [["cursor", cursor]] : [];
  const found = await ask("events", [...parametersOf(state), ["limit", PAGE], ...more]);
  if (mine !== turn) return;
  // What came live in the meantime is there already.
  const missing = found.events.filter((event) => !document.getElementById(event.event_id));
  byId("rows").append(...missing.map(row));
  cursor = found.next_cursor;
  byId("more").hidden = cursor === null;
  const shown = byId("rows").children.length;
  say(shown ? `${shown.toLocaleString()} event logs shown${cursor ? ", there are more" : ""}` : "No event log passes. Widen the time or the search.");
}

async function showOverview() {
  const mine = turn;
  const parameters = parametersOf(state);
  const [histogram, facets] = await Promise.all([ask("histogram", parameters), ask("facets", [...parameters, ["limit", 8]])]);
  if (mine !== turn) return;
  drawHistogram(byId("histogram"), histogram, state.utc);
  drawFacets(byId("facets"), facets.facets, state.q, (q) => go({ q }));
}

// Resolves once it watches, so that nothing committed between the page and the stream is missed.
async function followLive() {
  stopFollowing?.();
  stopFollowing = null;
  if (!state.live) return;
  let onWatching;
  const watching = new Promise((resolve) => (onWatching = resolve));
  const counting = setInterval(() => showOverview().catch(() => {}), COUNTS_PERIOD_MS);
  const stop = follow(
    state.q ? [["q", state.q]] : [],
    (event) => {
      document.getElementById(event.event_id)?.remove(); // a replaced event log comes again
      const rows = byId("rows");
      rows.prepend(row(event));
      while (rows.children.length > ROWS_MAX) rows.lastChild.remove();
    },
    (told) => say(told, true),
    (connected) => {
      onWatching();
      if (!connected) say("The collector does not answer; trying again …", true);
      else if (byId("message").classList.contains("wrong")) say("Live: new event logs appear on top");
    },
  );
  stopFollowing = () => { stop(); clearInterval(counting); };
  await watching;
}

async function show() {
  turn += 1;
  byId("q").value = state.q;
  if (![...byId("since").options].some((option) => option.value === state.since)) {
    byId("since").append(element("option", { value: state.since }, state.since));
  }
  byId("since").value = state.since;
  byId("live").checked = Boolean(state.live);
  byId("utc").checked = Boolean(state.utc);
  showDetail();
  cursor = null;
  byId("rows").replaceChildren();
  const mine = turn;
  try {
    await followLive();
    if (mine === turn) await Promise.all([showPage(), showOverview()]);
  } catch (error) {
    stopFollowing?.();
    byId("sign-in").hidden = !(error instanceof NeedsToken);
    document.querySelector("main").hidden = error instanceof NeedsToken;
    say(error.message, true);
  }
}

function showDetail() {
  const place = byId("detail");
  place.hidden = !state.request;
  document.querySelector("main").classList.toggle("with-detail", Boolean(state.request));
  for (const each of byId("rows").children) {
    each.setAttribute("aria-selected", String(each.dataset.request === state.request));
  }
  if (!state.request) return;
  drawDetail(place, state.request, {
    utc: state.utc,
    onClose: () => select(""),
    onSearch: (field, value) => go({ q: term(field, value), request: field === "request_id" ? value : state.request }),
  });
}

function select(request) {
  state = { ...state, request };
  writeState(state);
  showDetail();
}

function move(step) {
  const rows = [...byId("rows").children];
  const at = rows.indexOf(document.activeElement);
  rows[Math.min(rows.length - 1, Math.max(0, at + step))]?.focus();
}

byId("rows").addEventListener("click", (event) => {
  const request = event.target.closest("tr")?.dataset.request;
  if (request) select(request);
});
byId("filters").addEventListener("submit", (event) => { event.preventDefault(); go({ q: byId("q").value.trim() }); });
byId("since").addEventListener("change", () => go({ since: byId("since").value }));
byId("live").addEventListener("change", () => go({ live: byId("live").checked ? "1" : "" }));
byId("utc").addEventListener("change", () => go({ utc: byId("utc").checked ? "1" : "" }));
byId("more").addEventListener("click", () => showPage().catch((error) => say(error.message, true)));
byId("sign-in").addEventListener("submit", (event) => {
  event.preventDefault();
  signIn(byId("token").value.trim());
  byId("sign-in").hidden = true;
  document.querySelector("main").hidden = false;
  show();
});
addEventListener("popstate", () => { state = readState(); show(); });
addEventListener("keydown", (event) => {
  if (event.target.matches("input, select")) {
    if (event.key === "Escape") event.target.blur();
    return;
  }
  if (event.key === "/") { event.preventDefault(); byId("q").focus(); }
  if (event.key === "j") move(1);
  if (event.key === "k") move(-1);
  if (event.key === "Enter" && document.activeElement.dataset.request) select(document.activeElement.dataset.request);
  if (event.key === "Escape" && state.request) select("");
});
show();
