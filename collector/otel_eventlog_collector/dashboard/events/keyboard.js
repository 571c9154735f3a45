// The keys of the Events view; help.js lists them for people.

import { openHelp } from "../help.js";
import { go, state } from "../router.js";

/**
 * Listen to the keys.
 * @param {{search: any, time: any, table: any, detail: any, shell: any, toggleLive: () => void, turn: () => void}} parts
 * @returns {() => void} ends it
 */
export function onKeys({ search, time, table, shell, toggleLive, turn }) {
  const move = (step) => {
    const row = table.move(step);
    // An open detail goes along; the back button need not know each step.
    if (row && state().request) go({ request: row.data.request_id }, { replace: true });
  };
  const deeds = {
    "/": () => search.focus(),
    j: () => move(1),
    ArrowDown: () => move(1),
    k: () => move(-1),
    ArrowUp: () => move(-1),
    g: () => move(-Infinity),
    Enter: () => {
      const row = table.active();
      if (row) go({ request: row.data.request_id });
    },
    Escape: () => {
      if (shell.closeFilters()) return;
      if (state().request) go({ request: "" });
      else table.release();
    },
    l: toggleLive,
    o: turn,
    p: () => go({ pair: state().pair ? "" : "1", state: "" }),
    f: () => shell.toggleFilters(),
    t: () => time.open(),
    u: () => go({ utc: state().utc ? "" : "1" }),
    "?": openHelp,
  };
  const listen = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    if (event.target.closest?.("input, select, textarea")) return;
    if (document.querySelector("dialog[open], :popover-open")) return; // they have Esc for themselves
    // Buttons and links answer to Enter themselves, and arrows scroll what has the focus.
    const isControl = event.target.closest?.("button, a, summary");
    if (isControl && event.key === "Enter") return;
    if (event.key.startsWith("Arrow") && event.target.closest?.(".detail, .side")) return;
    const deed = deeds[event.key];
    if (!deed) return;
    event.preventDefault();
    deed();
  };
  addEventListener("keydown", listen);
  return () => removeEventListener("keydown", listen);
}
