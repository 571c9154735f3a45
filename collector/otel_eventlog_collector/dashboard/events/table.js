// The table: only the rows that are seen are elements, whatever the list's length.
//
// Rows stand at fixed heights inside a canvas as tall as the whole list; scrolling moves a bounded
// set of row elements over it. The keyboard's row is told by aria-activedescendant, so that focus
// stays on the table while rows come and go.

import { element } from "../dom.js";
import { cells, headers, leastWidth, tracks } from "./columns.js";

const ROW_PX = 28;
const ROW_PHONE_PX = 54; // two lines, as in table.css
const OVERSCAN = 12;
const GHOSTS = 40;
const AHEAD = 60; // rows brought before they are seen
const PHONE = matchMedia("(max-width: 760px)");

/**
 * Make the table.
 * @param {{onOpen: (row: import("./rows.js").Row) => void, onScroll: () => void, onTurn: () => void}} told
 *   onTurn: the other end of the list is wanted on top
 */
export function createTable({ onOpen, onScroll, onTurn }) {
  const head = element("div", { class: "row head", role: "row", "aria-rowindex": "1" });
  const canvas = element("div", { class: "canvas", role: "rowgroup" });
  const foot = element("div", { class: "foot" });
  // Over the place of the rows, not before them: what comes must not push it away.
  const ghosts = element("div", { class: "ghosts", "aria-hidden": "true", hidden: true });
  const headGroup = element("div", { class: "head-group", role: "rowgroup" }, head);
  const grid = element(
    "div", { class: "table", role: "grid", tabindex: "0", "aria-label": "Event logs", "aria-rowcount": "-1" },
    headGroup, ghosts, canvas, foot,
  );
  const spare = []; // row elements without a row
  const shown = new Map(); // index → row element
  const view = { rows: null, columns: [], utc: false, isPair: false, isOldestFirst: false, active: "", request: "", foot: null };
  let waiting = 0;
  // Known without measuring, which would lay out the page once more while it is being filled.
  let isScrolled = false;
  let tall_px = screen.height; // at most, until it has been laid out

  const topPx = () => (isScrolled ? grid.scrollTop : 0);
  const seenPx = () => grid.clientHeight - (PHONE.matches ? 0 : headGroup.offsetHeight);
  const rowPx = () => (PHONE.matches ? ROW_PHONE_PX : ROW_PX);

  function draw() {
    waiting = 0;
    const { rows } = view;
    if (!rows) return;
    if (!rows.isReady) {
      // Nothing is measured: that would lay out a page whose rows may be here in a moment.
      empty();
      rows.need(0, 1);
      return;
    }
    const height = rowPx();
    const top = topPx();
    const first = Math.max(0, Math.floor(top / height) - OVERSCAN);
    const last = Math.ceil((top + tall_px) / height) + OVERSCAN;
    canvas.style.height = `${rows.count * height}px`;
    for (const [index, made] of shown) {
      if (index >= first && index <= last && index < rows.count) continue;
      shown.delete(index);
      made.remove();
      spare.push(made);
    }
    // From below, so that elements stand in the order of their rows: they are read in it.
    for (let index = Math.min(last, rows.count - 1); index >= first; index -= 1) fill(index, height);
    drawFoot();
    rows.need(first, last + AHEAD);
  }

  function empty() {
    for (const made of shown.values()) made.remove();
    spare.push(...shown.values());
    shown.clear();
    canvas.style.height = "0";
    // With the frame that is due: what was asked for early is often here before it.
    requestAnimationFrame(drawFoot);
  }

  function fill(index, height) {
    let made = shown.get(index);
    if (!made) {
      made = spare.pop() ?? element("div", { class: "row", role: "row" });
      canvas.insertBefore(made, shown.get(index + 1) ?? null);
      shown.set(index, made);
    }
    const row = view.rows.at(index);
    made.style.transform = `translateY(${index * height}px)`;
    made.setAttribute("aria-rowindex", String(index + 2));
    made.setAttribute("aria-selected", String(Boolean(row) && (row.data.request_id === view.request)));
    made.classList.toggle("active", Boolean(row) && row.id === view.active);
    if (made.row === row && made.drawing === view.drawing) return;
    made.row = row;
    made.drawing = view.drawing;
    made.id = row ? `row-${row.id}` : "";
    made.replaceChildren(...(row ? cells(row.data, view) : [element("div", { class: "skeleton", role: "gridcell" })]));
  }

  function drawFoot() {
    const { rows } = view;
    const wanted = !rows.isReady ? "none" : !rows.isComplete ? "more" : rows.isCut ? "cut" : rows.count ? "end" : "none";
    if (ghosts.hidden !== rows.isReady) ghosts.replaceChildren(...(rows.isReady ? [] : ghostRows()));
    ghosts.hidden = rows.isReady;
    foot.hidden = !rows.isReady;
    if (wanted === view.foot) return;
    view.foot = wanted;
    const text = { more: "Loading …", end: "That is all in this time.", cut: "A million lines are enough; choose a shorter time to see the rest.", none: "" }[wanted];
    foot.replaceChildren(element("p", { class: "dim" }, text));
  }

  function schedule() {
    waiting ||= requestAnimationFrame(draw);
  }

  function activate(id, index) {
    view.active = id;
    grid.setAttribute("aria-activedescendant", id ? `row-${id}` : "");
    if (index >= 0) {
      const height = rowPx();
      const top = index * height;
      if (top < topPx()) grid.scrollTop = top;
      else if (top + height > topPx() + seenPx()) grid.scrollTop = top + height - seenPx();
      isScrolled ||= top + height > seenPx();
    }
    draw();
  }

  grid.addEventListener("scroll", () => { isScrolled = true; schedule(); onScroll(); }, { passive: true });
  canvas.addEventListener("click", (event) => {
    const { row } = event.target.closest(".row") ?? {};
    if (!row || String(getSelection())) return;
    view.active = row.id;
    onOpen(row);
  });
  PHONE.addEventListener("change", () => { view.drawing = {}; schedule(); });
  new ResizeObserver(([{ contentRect }]) => {
    if (contentRect.height === tall_px) return;
    tall_px = contentRect.height;
    schedule();
  }).observe(grid);

  return {
    element: grid,
    /**
     * Show a list from its top.
     * @param {import("./rows.js").Rows} rows
     */
    show(rows) {
      view.rows = rows;
      view.active = "";
      view.foot = null;
      if (isScrolled) grid.scrollTop = 0;
      isScrolled = false;
      draw();
    },

    /**
     * How rows are drawn. @param {{columns: string[], utc: boolean, withDay: boolean, isPair: boolean, isOldestFirst: boolean, noOutcomeAfter_ms: number}} how
     */
    style(how) {
      Object.assign(view, how, { drawing: {} });
      grid.style.setProperty("--tracks", tracks(how.columns, how.withDay));
      grid.style.setProperty("--least", `${leastWidth(how.columns, how.withDay)}px`);
      head.replaceChildren(...headers(how.columns, { isOldestFirst: how.isOldestFirst, onTurn }));
      grid.setAttribute("aria-label", how.isPair ? "Requests" : "Event logs");
      schedule();
    },

    /** Draw again after the rows changed. */
    refresh: schedule,

    /** Draw the first rows, in the frame that is due. */
    begin: draw,

    /** Mark the request whose detail is open. @param {string} request */
    mark(request) {
      view.request = request;
      schedule();
    },

    /**
     * Move the keyboard's row.
     * @param {number} step rows down; -Infinity: the first
     * @returns {import("./rows.js").Row|null}
     */
    move(step) {
      if (!view.rows?.count) return null;
      const at = view.active ? view.rows.indexOf(view.active) : -1;
      const from = at < 0 ? Math.floor(topPx() / rowPx()) - Math.sign(step) : at;
      const index = Math.min(view.rows.count - 1, Math.max(0, from + step));
      const row = view.rows.at(index);
      if (row) activate(row.id, index);
      return row;
    },

    /** @returns {import("./rows.js").Row|null} the keyboard's row */
    active() {
      const at = view.active ? view.rows.indexOf(view.active) : -1;
      return at < 0 ? null : view.rows.at(at);
    },

    /** Let go of the keyboard's row. */
    release() {
      activate("", -1);
    },

    /** @returns {boolean} whether the newest row is in sight */
    isAtTop: () => topPx() < 4,

    toTop() {
      grid.scrollTop = 0;
      schedule();
    },
  };
}

function ghostRows() {
  return Array.from({ length: GHOSTS }, () => element("div", { class: "row" }, element("div", { class: "skeleton" })));
}
