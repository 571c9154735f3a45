// Where everything of the Events view stands.

import { element, icon } from "../dom.js";

/**
 * Put the parts into their places.
 * @param {HTMLElement} place
 * @param {Record<string, any>} parts
 */
export function layout(place, parts) {
  const liveButton = element("button", { type: "button", class: "live", "aria-pressed": "false", title: "Show new event logs as they come (l)", onclick: parts.onLive }, element("span", { class: "dot", "aria-hidden": "true" }), "Live");
  const pairButton = element("button", { type: "button", "aria-pressed": "false", title: "Start and outcome in one line (p)", onclick: parts.onPair }, "Pairs");
  const refresh = element("button", { type: "button", class: "icon-only refresh", title: "Ask again", "aria-label": "Ask again", onclick: parts.onRefresh }, icon("refresh"));
  const filters = element("button", { type: "button", class: "to-filters", "aria-expanded": "false", "aria-controls": "filters", title: "Filters (f)" }, icon("filter"), "Filters");
  const side = element("aside", { class: "side", id: "filters", "aria-label": "Filters" }, parts.facets.element);
  const shade = element("div", { class: "shade", hidden: true });
  const emptyPlace = element("div", { class: "empty-place", hidden: true });
  const middle = element(
    "section", { class: "middle", "aria-label": "Event logs" },
    parts.histogram.element, parts.strip.element,
    element("div", { class: "list" }, parts.table.element, emptyPlace, parts.strip.pill),
  );
  const page = element(
    "div", { class: "events" },
    element(
      "div", { class: "controls" },
      parts.search.element,
      element(
        "div", { class: "buttons" }, filters,
        element("span", { class: "joined-buttons" }, parts.time.element, refresh),
        liveButton, pairButton, parts.columns.element, parts.saved, parts.exporting,
      ),
    ),
    parts.chips.element,
    element("div", { class: "panes" }, side, middle, parts.detail.element, shade),
  );
  place.replaceChildren(page);

  function showFilters(isOpen) {
    page.classList.toggle("with-filters", isOpen);
    filters.setAttribute("aria-expanded", String(isOpen));
    shade.hidden = !isOpen;
    if (isOpen) side.querySelector("summary")?.focus();
  }
  filters.addEventListener("click", () => showFilters(!page.classList.contains("with-filters")));
  shade.addEventListener("click", () => showFilters(false));

  return {
    /** @param {import("../address.js").State} state */
    draw(state) {
      liveButton.setAttribute("aria-pressed", String(Boolean(state.live)));
      pairButton.setAttribute("aria-pressed", String(Boolean(state.pair)));
    },
    /** @param {boolean} isOpen whether the detail has a place */
    detail(isOpen) {
      page.classList.toggle("with-detail", isOpen);
    },
    /** Show something in place of rows, or rows again. @param {HTMLElement|null} note */
    empty(note) {
      emptyPlace.hidden = !note;
      emptyPlace.replaceChildren(...(note ? [note] : []));
    },
    toggleFilters: () => showFilters(!page.classList.contains("with-filters")),
    /** @returns {boolean} whether there was a drawer to close */
    closeFilters() {
      const wasOpen = page.classList.contains("with-filters");
      showFilters(false);
      return wasOpen;
    },
  };
}
