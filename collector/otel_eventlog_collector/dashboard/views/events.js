// The Events view: one state of the URL → one question → histogram, filters, table, detail.

import { BadQuestion, ask } from "../api.js";
import { byId, painted } from "../dom.js";
import { createDetail } from "../detail/detail.js";
import { createChips } from "../events/chips.js";
import { columnsButton, columnsOf } from "../events/columns.js";
import { whyEmpty } from "../events/empty.js";
import { exportButton } from "../events/export.js";
import { createFacets } from "../events/facets.js";
import { bucketOf, createHistogram, totalsOf } from "../events/histogram.js";
import { onKeys } from "../events/keyboard.js";
import { layout } from "../events/layout.js";
import { createLive } from "../events/live.js";
import { isOfState, joined } from "../events/requests.js";
import { Rows } from "../events/rows.js";
import { savedViews } from "../events/saved.js";
import { createSearch } from "../events/search.js";
import { createStrip } from "../events/strip.js";
import { createTable } from "../events/table.js";
import { timePicker } from "../events/timepicker.js";
import { listQuestion } from "../questions.js";
import { parametersOf, urlOf } from "../address.js";
import { go, state as stateNow } from "../router.js";
import { spanMs } from "../times.js";

const COUNTS_PERIOD_MS = 5000; // how often a live page counts again
const LIVE_ROWS_MAX = 5000; // a live list begins again after as many, however long it is open
const DAY_MS = 86_400_000;

/** What changes the question, and so the list. */
const QUESTION = ["since", "until", "q", "pair", "state", "live", "order"];
/** What changes the counts. */
const COUNTED = ["since", "until", "q"];

/** @type {ReturnType<typeof createPage>|null} */
let page = null;

/** @param {HTMLElement} place @param {import("../address.js").State} state */
export function mount(place, state) {
  page = createPage(place);
  page.update(state, null);
}

/** @param {import("../address.js").State} state @param {import("../address.js").State} before */
export function update(state, before) {
  page?.update(state, before);
}

/** Stop what runs by itself. */
export function unmount() {
  page?.end();
  page = null;
}

function createPage(place) {
  const set = (changes, options) => go(changes, options);
  const search = createSearch({ onSearch: searchFor, parameters: () => parametersOf(stateNow()) });
  const time = timePicker({ onChange: (chosen) => set(chosen) });
  const chips = createChips({ onQuery: (q) => set({ q }) });
  const facets = createFacets({ onQuery: (q) => set({ q }) });
  const histogram = createHistogram({ onZoom: (since, until) => set({ since, until, live: "" }) });
  const columns = columnsButton((chosen) => set({ columns: chosen }), turn);
  const strip = createStrip({
    onQuery: (q) => set({ q }), onState: (state) => set({ pair: "1", state }),
    onResume: resume, onRetry: () => reload(stateNow()),
  });
  const table = createTable({
    onOpen: (row) => set({ request: row.data.request_id }),
    onScroll: () => { if (table.isAtTop()) live.resume(); },
    onTurn: turn,
  });
  const detail = createDetail({
    onClose: () => set({ request: "" }), onQuery: (q) => set({ q }), q: () => stateNow().q,
    href: (changes) => urlOf({ ...stateNow(), ...changes }),
  });
  const live = createLive({
    onRows: putLive,
    onTooMany: () => loadList(stateNow()),
    onState: (is) => strip.live(is),
    onWaiting: (count) => strip.waiting(count),
    onGap: (text) => strip.warn(`Some event logs are missing here: ${text}.`, "Load the list again"),
    isReading: () => !table.isAtTop() || Boolean(table.active()),
  });
  const shell = layout(place, {
    search, time, chips, facets, histogram, strip, table, detail, columns,
    saved: savedViews({ href: () => urlOf({ ...stateNow(), request: "" }) }),
    exporting: exportButton({ parameters: () => parametersOf(stateNow()) }),
    onLive: toggleLive,
    onRefresh: () => reload(stateNow()),
    onPair: () => set({ pair: stateNow().pair ? "" : "1", state: "" }),
  });
  const keys = onKeys({ search, time, table, detail, shell, toggleLive, turn });
  /** @type {Rows|null} */ let rows = null;
  let asking = new AbortController();
  let counting = 0;
  let noOutcomeAfter_ms = Infinity; // until the collector has said it: what it says of each is shown
  table.element.addEventListener("pointermove", () => live.point(), { passive: true });
  table.element.addEventListener("pointerleave", () => live.unpoint());

  function update(state, before) {
    const differs = (names) => !before || names.some((name) => state[name] !== before[name]);
    search.draw(state.q);
    time.draw(state);
    chips.draw(state.q);
    shell.draw(state);
    strip.draw(state);
    if (differs(["columns", "utc", "pair", "order", "since", "until"])) style(state);
    if (differs(["request", "utc"])) showDetail(state);
    if (differs(QUESTION)) reload(state);
    else if (differs(["utc"])) histogram.redraw(Boolean(state.utc));
  }

  function style(state) {
    const chosen = columnsOf(state.columns);
    columns.draw(chosen, Boolean(state.order));
    table.style({ columns: chosen, utc: Boolean(state.utc), isPair: Boolean(state.pair), isOldestFirst: Boolean(state.order), withDay: spanMs(state) > DAY_MS / 2, noOutcomeAfter_ms });
  }

  // Requests that are open in a page grow old in it. The rows shall not wait for that.
  async function learnNoOutcomeAfter() {
    if (noOutcomeAfter_ms < Infinity) return;
    const status = await ask("status").catch(() => null);
    if (!status) return;
    noOutcomeAfter_ms = status.no_outcome_after_ns / 1e6;
    style(stateNow());
  }

  function showDetail(state) {
    detail.show(state.request, Boolean(state.utc));
    shell.detail(Boolean(state.request));
    table.mark(state.request);
  }

  // A new question: the tail first, so that nothing committed between tail and list is missed.
  async function reload(state) {
    asking.abort();
    asking = new AbortController();
    const { signal } = asking;
    clearTimeout(counting);
    strip.warn("");
    if (!state.live) live.stop();
    const watching = state.live ? live.start([["since", state.since], ...(state.q ? [["q", state.q]] : [])]) : null;
    rows?.end();
    histogram.busy(true);
    // The rows first: counting is the harder work, and shall not keep them waiting.
    rows = newRows(state, watching, () => painted().then(() => signal.aborted || loadCounts(state, signal)));
    table.show(rows);
    await watching;
    if (state.live && !signal.aborted) counting = setTimeout(countAgain, COUNTS_PERIOD_MS);
  }

  // The same list from its top again; what is shown stays until the answer is there.
  function loadList(state) {
    rows?.end();
    const next = newRows(state, null, () => table.show(next));
    rows = next;
    next.need(0, 1);
  }

  function newRows(state, watching, onFirst = () => {}) {
    const { signal } = asking;
    const isPair = Boolean(state.pair);
    const load = async (limit, cursor) => {
      await watching;
      const found = await ask(...listQuestion(state, limit, cursor), { signal });
      return { rows: (isPair ? found.requests : found.events).map((data) => rowOf(data, isPair)), next: found.next_cursor };
    };
    const made = new Rows(load, (isFirst) => {
      if (!isFirst) {
        table.refresh();
        return;
      }
      if (made === rows) table.begin();
      showEmpty(state, made);
      onFirst();
    }, warn, Boolean(state.order));
    return made;
  }

  async function showEmpty(state, list) {
    shell.empty(null);
    if (list.count) return;
    const note = await whyEmpty(state, (changes) => set(changes)).catch(() => null);
    if (list === rows && !list.count) shell.empty(note);
  }

  async function loadCounts(state, signal) {
    const parameters = parametersOf(state);
    const counts = ask("histogram", [...parameters, ...bucketOf(spanMs(state))], { signal }).then((answer) => {
      histogram.draw(answer, Boolean(stateNow().utc));
      histogram.busy(false);
      strip.totals(totalsOf(answer), state.q, answer.approximate);
      return strip.unfinished(parameters, answer, signal);
    });
    const told = counts.catch((error) => {
      if (error.name !== "AbortError") strip.uncounted(error.message);
    });
    await Promise.all([told, facets.load(parameters, state.q)]);
    if (stateNow().pair) await learnNoOutcomeAfter();
  }

  async function countAgain() {
    const { signal } = asking;
    if (!document.hidden) await loadCounts(stateNow(), signal);
    if (signal.aborted) return;
    if (stateNow().pair) style(stateNow()); // what waited too long has no outcome now
    counting = setTimeout(countAgain, COUNTS_PERIOD_MS);
  }

  function putLive(events) {
    const state = stateNow();
    const isPair = Boolean(state.pair);
    for (const event of events) {
      if (!isPair) rows.put(rowOf(event, false));
      else {
        const at = rows.indexOf(event.request_id);
        const line = joined(at < 0 ? null : rows.at(at).data, event);
        if (isOfState(line, state.state)) rows.put(rowOf(line, true));
        else rows.remove(event.request_id);
      }
      detail.refresh(event.request_id);
    }
    if (rows.count) shell.empty(null);
    if (rows.count > LIVE_ROWS_MAX && table.isAtTop()) loadList(state);
    table.refresh();
  }

  function searchFor(q) {
    if (q === stateNow().q) reload(stateNow());
    else set({ q });
  }

  function resume() {
    table.release();
    table.toTop();
    live.resume();
  }

  function toggleLive() {
    const state = stateNow();
    // A tail has no end, and comes on top; where the beginning was chosen back from now it stays.
    set({ live: state.live ? "" : "1", ...(state.live ? {} : { until: "", order: "" }) });
  }

  function turn() {
    set({ order: stateNow().order ? "" : "asc", live: "" });
  }

  function warn(error) {
    if (error.name === "NeedsToken") return;
    strip.warn(error.message, error instanceof BadQuestion ? "" : "Try again");
    if (error instanceof BadQuestion) shell.empty(null);
    byId("said").textContent = error.message;
  }

  return {
    update,
    end() {
      asking.abort();
      clearTimeout(counting);
      rows?.end();
      live.stop();
      detail.end();
      keys();
    },
  };
}

function rowOf(data, isPair) {
  return { id: isPair ? data.request_id : data.event_id, time: data.time, data };
}
