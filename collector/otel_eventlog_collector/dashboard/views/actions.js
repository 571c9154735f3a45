// The Actions view: what each action did over the time, and the way to its event logs.

import { BadQuestion, ask } from "../api.js";
import { PLACE_FIELDS, createPlaces, withoutPlaces } from "../actions/places.js";
import { SORT_DEFAULT, createActionTable, percentText, perMinute } from "../actions/table.js";
import { byId, element, icon, painted } from "../dom.js";
import { createChips } from "../events/chips.js";
import { createSearch } from "../events/search.js";
import { timePicker } from "../events/timepicker.js";
import { actionsQuestion } from "../questions.js";
import { parametersOf, urlOf } from "../address.js";
import { go, state as stateNow } from "../router.js";
import { countText } from "../text.js";

const REFRESH_MS = 30_000; // how often figures up to now are counted again

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
  const search = createSearch({ onSearch: (q) => go({ q }), parameters: () => parametersOf(stateNow()) });
  const time = timePicker({ onChange: (chosen) => go(chosen) });
  const chips = createChips({ onQuery: (q) => go({ q }) });
  const places = createPlaces({ onQuery: (q) => go({ q }) });
  const table = createActionTable({
    onSort: (sort) => go({ sort: sort === SORT_DEFAULT ? "" : sort }, { replace: true }),
    href: ({ q }) => urlOf({ since: stateNow().since, until: stateNow().until, utc: stateNow().utc, q }),
  });
  const summary = element("p", { class: "summary", role: "status" });
  const note = element("div", { class: "note", hidden: true });
  const refresh = element("button", { type: "button", class: "icon-only refresh", title: "Count again", "aria-label": "Count again", onclick: () => load(stateNow()) }, icon("refresh"));
  const scroller = element("div", { class: "actions-list" }, table.element, note);
  place.replaceChildren(
    element(
      "section", { class: "actions", "aria-label": "Actions" },
      element("div", { class: "controls" }, search.element, element("div", { class: "buttons" }, ...places.elements, element("span", { class: "joined-buttons" }, time.element, refresh))),
      chips.element, summary, scroller,
    ),
  );
  let asking = new AbortController();
  let lines = null;
  const timer = setInterval(() => {
    if (!document.hidden && !stateNow().until && !table.hasFocus()) load(stateNow());
  }, REFRESH_MS);
  const onKey = (event) => {
    if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || event.target.matches?.("input, select, textarea")) return;
    event.preventDefault();
    search.focus();
  };
  addEventListener("keydown", onKey);

  function draw(state) {
    if (lines) table.draw({ lines, sort: state.sort, q: state.q });
  }

  async function load(state) {
    asking.abort();
    asking = new AbortController();
    const { signal } = asking;
    refresh.classList.add("busy");
    try {
      const found = await ask(...actionsQuestion(state), { signal });
      lines = found.actions;
      summary.replaceChildren(...summed(found));
      say(lines.length ? null : nothing(state));
      draw(stateNow());
      byId("said").textContent = `${countText(lines.length)} actions`;
      await loadPlaces(state, signal);
    } catch (error) {
      if (error.name === "AbortError") return;
      say(failed(error));
    } finally {
      if (signal === asking.signal) refresh.classList.remove("busy");
    }
  }

  // After the figures: one looks at them first, and counting this costs as much.
  async function loadPlaces(state, signal) {
    await painted();
    const asked = [...parametersOf({ ...state, q: withoutPlaces(state.q) }), ...PLACE_FIELDS.map((field) => ["field", field])];
    const found = await ask("facets", asked, { signal }).catch(() => null); // what was offered before stays
    if (found && !signal.aborted) places.offer(found.facets);
  }

  // Something in place of the table, or the table again.
  function say(told) {
    note.hidden = !told;
    table.element.hidden = Boolean(told);
    note.replaceChildren(...(told ? [told] : []));
    if (told) summary.replaceChildren("\u00a0");
  }

  function failed(error) {
    return element(
      "div", { class: "empty" },
      element("h2", {}, error instanceof BadQuestion ? "This search cannot be read" : "The figures could not be counted"),
      element("p", { class: "wrong" }, error.message),
      element("button", { type: "button", onclick: () => load(stateNow()) }, "Try again"),
    );
  }

  return {
    update(state, before) {
      search.draw(state.q);
      time.draw(state);
      chips.draw(state.q);
      places.draw(state.q);
      const isOther = !before || ["since", "until", "q"].some((name) => state[name] !== before[name]);
      if (!before) {
        table.wait();
        summary.replaceChildren(element("span", { class: "skeleton" }));
      }
      if (isOther) load(state);
      else draw(state);
    },
    end() {
      clearInterval(timer);
      removeEventListener("keydown", onKey);
      asking.abort();
    },
  };
}

function summed(found) {
  const total = (name) => found.actions.reduce((sum, line) => sum + line[name], 0);
  const finished = total("success") + total("error");
  const figures = [
    [countText(found.actions.length), found.actions.length === 1 ? "action" : "actions"],
    [countText(total("requests")), "requests"],
    [perMinute(total("requests_per_min")), "on average"],
    [finished ? percentText(total("error") / finished) : "–", "errors"],
  ];
  return figures.map(([figure, word]) => element("span", {}, element("strong", {}, figure), " ", word));
}

function nothing(state) {
  return element(
    "div", { class: "empty" },
    element("h2", {}, "No action in this time"),
    element("p", { class: "dim" }, state.q ? "No event log passes the search. Take something of it away, or look at a longer time." : "No event log was stored in this time. Look at a longer one."),
    element("button", { type: "button", onclick: () => go({ since: "-30d", until: "" }) }, "Look at 30 days"),
    ...(state.q ? [element("button", { type: "button", onclick: () => go({ q: "" }) }, "Clear the search")] : []),
  );
}
